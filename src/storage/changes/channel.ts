/** How storages in memory, of which each shard has one, tell the thread of the changes of their commits. */
import { BroadcastChannel } from 'node:worker_threads';
import type { Change, ChangeRecorder } from './port.js';

/** @param run Of the process: the channel belongs to it. */
export function sendChanges(run: string): ChangeRecorder {
  const channel = channelOf(run);
  return {
    append: (change) => {
      channel.postMessage(change);
    },
  };
}

/** Records what storages of the process commit from now on. */
export function receiveChanges(run: string, recorder: ChangeRecorder): void {
  channelOf(run).onmessage = (event) => {
    recorder.append((event as { readonly data: Change }).data);
  };
}

function channelOf(run: string): BroadcastChannel {
  const channel = new BroadcastChannel(`synckit-changes-${run}`);
  // It keeps no thread from ending.
  channel.unref();
  return channel;
}
