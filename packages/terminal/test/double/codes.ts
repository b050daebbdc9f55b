import { hasCode } from "@sealane/wire";

/** For `assert.rejects` and `assert.throws`: the code of an error of ours. */
export function code(expected: string): (error: unknown) => true {
  return (error) => {
    if (hasCode(error, expected)) return true;
    throw error;
  };
}
