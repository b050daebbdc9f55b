import { type SigningKey, SoftwareKey } from "@sealane/crypto";
import { equalBytes } from "@sealane/wire";
import { attributes, classes, flags, keyTypes, mechanisms, refusals } from "../../src/pkcs11/constants.ts";
import type { Attribute, Cryptoki, Handle, Mechanism, TokenInfo } from "../../src/pkcs11/cryptoki.ts";

type Method = keyof Cryptoki;
type Values = Map<number, Buffer>;

interface FakeObject {
  readonly values: Values;
  readonly key: SigningKey | null;
}

/** An error as `pkcs11js` makes it. */
export function refusal(name: string, number: number): Error {
  return Object.assign(new Error(`CKR_${name}`), { code: number });
}

/** One token in memory. */
export class FakeToken {
  readonly objects: Map<number, FakeObject> = new Map();
  readonly info: TokenInfo;
  pin = "1234";

  constructor(label: string, serial = "1") {
    const pad = (text: string, length: number): string => text.padEnd(length);
    this.info = {
      label: pad(label, 32),
      serialNumber: pad(serial, 16),
      manufacturerID: pad("Fake", 32),
      model: pad("F1", 16),
      flags: flags.tokenInitialised,
    };
  }
}

/** A PKCS #11 module in memory with Ed25519 keys only, whose token is removed and whose calls fail as a test likes. */
export class FakeCryptoki implements Cryptoki {
  /** The tokens in the slots 0, 1, ... */
  tokens: FakeToken[] = [];
  /** The mechanisms that every token has. */
  offered: number[] = [mechanisms.edwardsGenerate, mechanisms.eddsa];
  /** Overrides what private keys are made with. */
  defiance: Attribute[] = [];
  readonly calls: Method[] = [];
  /** How many sessions do something in this moment, at most. */
  busiest = 0;

  readonly #sessions = new Map<number, FakeToken>();
  readonly #failures: { readonly method: Method; readonly error: Error }[] = [];
  #loggedIn = false;
  #next = 1;
  #nextSession = 1;
  #busy = 0;
  #found: Handle[] = [];
  #signing: SigningKey | null = null;

  /** Lets the next call of a method fail. */
  failNext(method: Method, error: Error): void {
    this.#failures.push({ method, error });
  }

  count(method: Method): number {
    return this.calls.filter((call) => call === method).length;
  }

  /** What another program does: every session is void and nobody logged in. */
  closeAll(): void {
    this.#sessions.clear();
    this.#loggedIn = false;
  }

  C_Initialize(): void {
    this.#called("C_Initialize");
  }
  C_Finalize(): void {
    this.#called("C_Finalize");
    this.closeAll();
    this.#nextSession = 1; // as modules do: numbers of before come again
  }
  C_GetSlotList(): Handle[] {
    this.#called("C_GetSlotList");
    return this.tokens.map((_, slot) => handle(slot));
  }
  C_GetTokenInfo(slot: Handle): TokenInfo {
    this.#called("C_GetTokenInfo");
    return this.#tokenIn(slot).info;
  }
  C_GetMechanismList(): number[] {
    this.#called("C_GetMechanismList");
    return this.offered;
  }
  C_OpenSession(slot: Handle, wanted: number): Handle {
    this.#called("C_OpenSession", wanted & flags.readWrite ? "C_OpenSession" : null);
    const session = this.#nextSession++;
    this.#sessions.set(session, this.#tokenIn(slot));
    return handle(session);
  }
  C_CloseSession(session: Handle): void {
    this.#called("C_CloseSession");
    this.#in(session);
    this.#sessions.delete(number(session));
    if (this.#sessions.size === 0) this.#loggedIn = false;
  }
  C_Login(session: Handle, _: number, pin: string): void {
    this.#called("C_Login");
    if (this.#loggedIn) throw refusal("USER_ALREADY_LOGGED_IN", refusals.userAlreadyLoggedIn);
    if (pin !== this.#in(session).pin) throw refusal("PIN_INCORRECT", refusals.pinIncorrect);
    this.#loggedIn = true;
  }
  C_FindObjectsInit(session: Handle, template: Attribute[]): void {
    this.#called("C_FindObjectsInit");
    const fits = ({ values }: FakeObject): boolean =>
      template.every(({ type, value }) => equalBytes(values.get(type) ?? none, encode(value)));
    this.#found = [...this.#in(session).objects].filter(([, object]) => fits(object)).map(([key]) => handle(key));
  }
  C_FindObjects(session: Handle, most: number): Handle[] {
    this.#called("C_FindObjects");
    this.#in(session);
    return this.#found.splice(0, most);
  }
  C_FindObjectsFinal(): void {
    this.#called("C_FindObjectsFinal");
  }
  C_GetAttributeValue(session: Handle, object: Handle, template: Attribute[]): { type: number; value: Buffer }[] {
    this.#called("C_GetAttributeValue");
    return template.map(({ type }) => {
      const value = this.#object(session, object).values.get(type);
      if (value === undefined) throw refusal("ATTRIBUTE_TYPE_INVALID", refusals.attributeTypeInvalid);
      return { type, value };
    });
  }
  C_DestroyObject(session: Handle, object: Handle): void {
    this.#called("C_DestroyObject");
    this.#object(session, object);
    this.#in(session).objects.delete(number(object));
  }
  async C_GenerateKeyPairAsync(
    session: Handle,
    _: Mechanism,
    publicTemplate: Attribute[],
    privateTemplate: Attribute[],
  ): Promise<{ publicKey: Handle; privateKey: Handle }> {
    this.#called("C_GenerateKeyPairAsync");
    const { objects } = this.#in(session);
    const key = SoftwareKey.generate("ed25519").signingKey();
    const type = { type: attributes.keyType, value: keyTypes.ecEdwards };
    const point = { type: attributes.ecPoint, value: Buffer.from(key.publicKey.raw) };
    const add = (template: Attribute[], held: SigningKey | null): Handle => {
      const created = this.#next++;
      objects.set(created, { key: held, values: new Map(template.map((each) => [each.type, encode(each.value)])) });
      return handle(created);
    };
    const [first] = publicTemplate.filter((each) => each.type === attributes.ecParameters);
    const parameters = first === undefined ? [] : [first];
    const isPublic = { type: attributes.class, value: classes.publicKey };
    const isPrivate = { type: attributes.class, value: classes.privateKey };
    return {
      publicKey: add([...publicTemplate, isPublic, type, point], null),
      privateKey: add([...privateTemplate, isPrivate, type, ...parameters, ...this.defiance], key),
    };
  }
  C_SignInit(session: Handle, _: Mechanism, key: Handle): void {
    this.#called("C_SignInit");
    if (!this.#loggedIn) throw refusal("USER_NOT_LOGGED_IN", refusals.userNotLoggedIn);
    this.#signing = this.#object(session, key).key;
  }
  async C_SignAsync(session: Handle, input: Buffer): Promise<Buffer> {
    this.#called("C_SignAsync");
    this.#in(session);
    this.busiest = Math.max(this.busiest, ++this.#busy);
    await new Promise(setImmediate);
    this.#busy--;
    return Buffer.from((await this.#signing?.sign(input)) ?? none);
  }
  C_DecryptInit(): void {
    throw refusal("MECHANISM_INVALID", refusals.mechanismInvalid);
  }
  async C_DecryptAsync(): Promise<Buffer> {
    throw refusal("MECHANISM_INVALID", refusals.mechanismInvalid);
  }
  C_DeriveKey(): Handle {
    throw refusal("MECHANISM_INVALID", refusals.mechanismInvalid);
  }

  #called(method: Method, failing: Method | null = method): void {
    this.calls.push(method);
    const at = this.#failures.findIndex((failure) => failure.method === failing);
    const [failure] = at === -1 ? [] : this.#failures.splice(at, 1);
    if (failure !== undefined) throw failure.error;
  }

  #tokenIn(slot: Handle): FakeToken {
    const token = this.tokens[number(slot)];
    if (token === undefined) throw refusal("TOKEN_NOT_PRESENT", refusals.tokenNotPresent);
    return token;
  }

  /** The token of a session; it must still be in a slot. */
  #in(session: Handle): FakeToken {
    const token = this.#sessions.get(number(session));
    if (token === undefined) throw refusal("SESSION_HANDLE_INVALID", refusals.sessionHandleInvalid);
    if (!this.tokens.includes(token)) throw refusal("DEVICE_REMOVED", refusals.deviceRemoved);
    return token;
  }

  #object(session: Handle, object: Handle): FakeObject {
    const found = this.#in(session).objects.get(number(object));
    if (found === undefined) throw refusal("OBJECT_HANDLE_INVALID", refusals.objectHandleInvalid);
    return found;
  }
}

const none = new Uint8Array(0);

function handle(value: number): Handle {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value);
  return bytes;
}

function number(value: Handle): number {
  return value.readUInt32LE();
}

function encode(value: Attribute["value"]): Buffer {
  if (typeof value === "number") return handle(value);
  return typeof value === "boolean" ? Buffer.of(value ? 1 : 0) : Buffer.from(value ?? none);
}
