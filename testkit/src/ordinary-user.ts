/** The user "nobody" of most systems. */
const nobody = 65_534;

/** Runs work without the rights of the system's administrator, whom no permission of a file stops. For tests: it is the whole process. */
export async function asOrdinaryUser<T>(work: () => Promise<T>): Promise<T> {
  const { geteuid, seteuid } = process;
  if (geteuid === undefined || seteuid === undefined || geteuid() !== 0) return await work();
  seteuid(nobody);
  try {
    return await work();
  } finally {
    seteuid(0);
  }
}
