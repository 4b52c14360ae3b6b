/** What is played in a cell. */
import { until } from '../nodes/server.js';
import type { Outcome, ScenarioName } from './cell.js';
import type { Stage } from './stage.js';
import { Typist } from './typist.js';

const KEYS = 40;
const TURNS = 4;
const KEYS_PER_TURN = 10;
const FORMER_WRITES = 300;
const REMOVALS = 20;
const FIELD = 'text';
/** Clients take longer than that to connect again. */
const BROKEN_MS = 200;

type Scenario = (stage: Stage) => Promise<Omit<Outcome, 'cell'>>;

export const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  alone: async (stage) => {
    const typist = new Typist(await stage.client('ann'), FIELD, 0);
    await typist.type(KEYS, stage.pace);
    return outcome(stage, [typist]);
  },

  'one writer, others beside': async (stage) => {
    const typist = new Typist(await stage.client('ann'), FIELD, 0);
    await stage.others();
    await typist.type(KEYS, stage.pace);
    return outcome(stage, [typist]);
  },

  'two writers, two fields': async (stage) => {
    const typists = [
      new Typist(await stage.client('ann'), 'first', 0),
      new Typist(await stage.client('bob'), 'second', 1),
    ];
    await stage.others();
    await Promise.all(typists.map((typist) => typist.type(KEYS, stage.pace)));
    return outcome(stage, typists);
  },

  // Each goes on where the other stopped; only the first keys in a field that the other wrote may be hidden.
  'two writers in turns, one field': async (stage) => {
    const typists = [new Typist(await stage.client('ann'), FIELD, 0), new Typist(await stage.client('bob'), FIELD, 1)];
    await stage.others();
    for (let turn = 0; turn < TURNS; turn++) {
      const typist = typists[turn % 2]!;
      const other = typists[(turn + 1) % 2]!;
      if (turn === 1) typist.excuse();
      await typist.type(KEYS_PER_TURN, stage.pace);
      await until(
        'the other to see it',
        () => typist.client.unacked === 0 && other.value === typist.value,
        10_000,
      ).catch(() => undefined);
    }
    return outcome(stage, typists);
  },

  // Whose key comes second takes the field: what they lose is not the server's doing, only what they end with.
  'two writers at once, one field': async (stage) => {
    const typists = [new Typist(await stage.client('ann'), FIELD, 0), new Typist(await stage.client('bob'), FIELD, 1)];
    await stage.others();
    await Promise.all(typists.map((typist) => typist.type(KEYS, stage.pace)));
    return { ...(await outcome(stage, typists)), unexcused: 0 };
  },

  'a writer who joins a written field': async (stage) => {
    const former = await writeOften(stage);
    const typist = new Typist(await stage.client('ann'), FIELD, 0);
    await stage.others();
    await until('the joiner to see the field', () => typist.value === former);
    typist.excuse();
    await typist.type(KEYS, stage.pace);
    return outcome(stage, [typist]);
  },

  'a writer who reconnects': async (stage) => {
    const typist = new Typist(await stage.client('ann'), FIELD, 0);
    await stage.others();
    await typist.type(KEYS / 2, stage.pace);
    typist.excuse(BROKEN_MS);
    stage.cut();
    await typist.type(KEYS, stage.pace);
    return outcome(stage, [typist]);
  },

  'set, then delete 10 ms later': async (stage) => {
    const client = await stage.client('ann');
    await stage.others();
    let back = 0;
    let removed = false;
    client.onShown(() => {
      if (removed && client.get(FIELD) !== undefined) back++;
    });
    for (let i = 0; i < REMOVALS; i++) {
      removed = false;
      client.set(FIELD, `value ${i}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
      client.set(FIELD, { __deleted: true });
      removed = true;
      await until('the acknowledgements', () => client.unacked === 0);
      await new Promise((resolve) => setTimeout(resolve, stage.cell.roundTripMs));
    }
    const { value, problems } = await stage.rest(FIELD);
    if (value !== '') problems.push(`what was removed is there: ${value}`);
    return { typed: REMOVALS, lost: 0, unexcused: 0, back, problems: [...stage.problems, ...problems] };
  },
};

async function outcome(stage: Stage, typists: readonly Typist[]): Promise<Omit<Outcome, 'cell'>> {
  const total = { typed: 0, lost: 0, unexcused: 0, back: 0 };
  const problems: string[] = [];
  for (const typist of typists) {
    const rest = await stage.rest(typist.field);
    const { lost, unexcused } = typist.missing(rest.value);
    total.typed += typist.typed;
    total.lost += lost;
    total.unexcused += unexcused;
    total.back += typist.back;
    problems.push(...rest.problems);
  }
  return { ...total, problems: [...stage.problems, ...new Set(problems)] };
}

/** Somebody writes the field hundreds of times, with the counter of an SDK, and goes. */
async function writeOften(stage: Stage): Promise<string> {
  const raw = await stage.raw();
  const clientId = 'former';
  let value = '';
  for (let i = 1; i <= FORMER_WRITES; i++) {
    value = `written ${i} times: `;
    const id = raw.set(stage.documentId, FIELD, value, { clientId, clock: { [clientId]: i } });
    if (i % 20 === 0) await raw.acked(id);
  }
  await raw.close();
  return value;
}
