/** The load process: runs the commands that the bench sends over IPC, one after the other. */
import type { Command, Commands } from './commands.js';
import { Fleet } from './fleet.js';

/** A command as it comes; `id` goes back with the answer. */
export interface Order<C extends Command = Command> {
  readonly id: number;
  readonly command: C;
  readonly request: Commands[C][0];
}

export type Report =
  { readonly id: number; readonly reply: Commands[Command][1] } | { readonly id: number; readonly error: string };

type Handlers = { readonly [C in Command]: (request: Commands[C][0]) => Commands[C][1] | Promise<Commands[C][1]> };

const fleet = new Fleet();
const handlers: Handlers = {
  open: (request) => fleet.open(request),
  subscribe: (request) => fleet.subscribe(request),
  comeBack: (request) => fleet.comeBack(request),
  write: (request) => {
    fleet.write(request);
    return null;
  },
  text: async (request) => {
    await fleet.text(request);
    return null;
  },
  type: async (request) => {
    await fleet.type(request);
    return null;
  },
  stop: () => fleet.stop(),
  fill: (request) => fleet.fill(request),
  sync: (request) => fleet.sync(request),
  mark: () => {
    fleet.mark();
    return null;
  },
  read: () => fleet.read(),
  watch: ({ documents }) => {
    fleet.watch(documents);
    return null;
  },
  written: () => fleet.written,
  balance: (written) => fleet.balance(written ?? fleet.written),
};

process.on('message', (order: Order) => {
  void carryOut(order).then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit(0));

async function carryOut<C extends Command>({ id, command, request }: Order<C>): Promise<Report> {
  try {
    return { id, reply: await handlers[command](request) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}
