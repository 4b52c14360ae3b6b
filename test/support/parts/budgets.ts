/** Budgets without limits, for the parts of the acceptor that need one. */
import { Budgets, type BudgetConfig } from '../../../src/acceptor/session/limits/budgets.js';
import { ReadAdmission, type ReadAdmissionOptions } from '../../../src/acceptor/session/limits/read-admission.js';
import type { ReadGateOptions } from '../../../src/acceptor/session/limits/read-gate.js';

const noLimits: BudgetConfig = {
  maxMessagesPerMinute: 0,
  maxUserMessagesPerMinute: 0,
  maxReceivedBytesPerSecond: 0,
  maxUserReceivedBytesPerSecond: 0,
  maxRefusalsPerMinute: 0,
  maxAwarenessBytesPerSecond: 0,
  maxReadBytesPerSecond: 0,
  maxUserReadBytesPerSecond: 0,
  maxFanOutBytesPerSecond: 0,
  maxUserDocumentsPerHour: 0,
};

export function budgets(limits: Partial<BudgetConfig> = {}): Budgets {
  return new Budgets({ ...noLimits, ...limits });
}

export function readAdmission(limits: Partial<ReadAdmissionOptions> = {}): ReadAdmission {
  return new ReadAdmission({ bytesPerSecond: 0, maxBytesInFlight: 2 ** 40, maxWaitingBytes: 2 ** 40, ...limits });
}

/** What a gate needs, where every read may start. */
export function freeGate(nextRead: () => number): ReadGateOptions {
  const admission = { start: () => true, forget: () => undefined, enqueue: () => true, dequeue: () => undefined };
  return { nextRead, admission, readerOf: (read, subject) => ({ key: `${read}`, buckets: [], subject }) };
}
