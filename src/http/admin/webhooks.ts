/** The events that the webhook could not be told of. */
import type { z } from 'zod';
import type { Answer } from '../answer.js';
import { ok, refuse } from '../auth/answers.js';
import { limitOf, type AdminRoutes, type Work } from './route.js';
import { retryBody, type webhooksSchema } from './schemas.js';

type Webhooks = z.infer<typeof webhooksSchema>;

export const webhookRoutes: AdminRoutes = {
  'get webhooks': list,
  'post webhooks': retry,
};

const off: Answer = refuse('notFound', 'WEBHOOK_URL is not set');

async function list({ asked, node }: Work): Promise<Answer> {
  const { webhook } = node;
  if (webhook === undefined) return off;
  const limit = limitOf(asked);
  const events = await webhook.dead(asked.query.get('after') ?? '', limit);
  const { isDelivering, isPaused, pending, failing, oldestAt, dead } = webhook.status();
  const answer: Webhooks = {
    ...{ isDelivering, isPaused, pending, failing, dead },
    oldest: oldestAt === undefined ? null : new Date(oldestAt).toISOString(),
    events: events.map(({ documentId, kind, commit, at, attempts, nextAt, reason }) => ({
      ...{ documentId, kind, commit, attempts, reason },
      at: new Date(at).toISOString(),
      givenUp: new Date(nextAt).toISOString(),
    })),
    next: events.length < limit ? null : (events.at(-1)?.documentId ?? null),
  };
  return ok(answer);
}

async function retry({ asked, node, audit }: Work): Promise<Answer> {
  const { documentId } = retryBody.parse(asked.body ?? {});
  const { webhook } = node;
  if (webhook === undefined) return off;
  const retried = await webhook.retry(documentId);
  audit('webhook_retry_ordered', { target: documentId ?? '*' });
  return { status: '202 Accepted', body: { retried } };
}
