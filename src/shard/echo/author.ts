import type { Origin } from '../../messages/task.js';
import type { SentField } from './sent-field.js';

/** Who wrote a value, as far as it tells what he shows now. */
export interface Author {
  readonly origin: Origin;
  /** The client id that the operation names. */
  readonly clientId: string | undefined;
  /** The writer's own entry in the operation's clock. */
  readonly counter: number | undefined;
  /** Largest entry of the operation's clock. */
  readonly clockMax: number;
  /** The field. */
  readonly sent: SentField;
  /** The session that is not sent the value, or 0; as decided when it is published. */
  except: number;
}
