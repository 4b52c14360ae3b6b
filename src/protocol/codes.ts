/** Message types of the wire protocol: the byte of a binary frame and the name of a JSON frame. */
export const typeCodes = {
  auth: 0x01,
  auth_success: 0x02,
  auth_error: 0x03,
  subscribe: 0x10,
  unsubscribe: 0x11,
  sync_request: 0x12,
  sync_response: 0x13,
  sync_step1: 0x14,
  sync_step2: 0x15,
  delta: 0x20,
  ack: 0x21,
  delta_batch_chunk: 0x23,
  ping: 0x30,
  pong: 0x31,
  awareness_update: 0x40,
  awareness_subscribe: 0x41,
  awareness_state: 0x42,
  delta_batch: 0x50,
  error: 0xff,
} as const;

export type MessageType = keyof typeof typeCodes;

/** Types that a client may send; `connect` exists in JSON frames only. */
export type ClientType = (typeof clientTypes)[number];

const clientTypes = [
  'auth',
  'subscribe',
  'unsubscribe',
  'sync_request',
  'sync_step1',
  'delta',
  'ack',
  'delta_batch_chunk',
  'ping',
  'pong',
  'awareness_update',
  'awareness_subscribe',
  'delta_batch',
  'connect',
] as const;

const byName = new Map<string, ClientType>(clientTypes.map((name) => [name, name]));
const byCode = new Map<number, ClientType>(
  clientTypes.flatMap((name) => (name === 'connect' ? [] : [[typeCodes[name], name] as const])),
);

const names = new Map<number, MessageType>(
  Object.entries(typeCodes).map(([name, code]) => [code, name as MessageType]),
);

/** The message type of a code. @throws RangeError for one that is none. */
export function typeOfCode(code: number): MessageType {
  const name = names.get(code);
  if (name === undefined) throw new RangeError(`${code} is no message type`);
  return name;
}

/** The client message type of a binary frame's first byte. */
export function clientTypeOfCode(code: number): ClientType | undefined {
  return byCode.get(code);
}

/** The client message type of a JSON frame's `type`. */
export function clientTypeOfName(name: string): ClientType | undefined {
  return byName.get(name);
}
