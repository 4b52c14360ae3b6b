import type { Config } from '../config/load.js';
import type { Logger } from '../log.js';
import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import { Validator } from '../validation/remote/validator.js';

/** @returns Who is asked about writes; undefined without VALIDATE_URL. */
export function openValidator(config: Config, log: Logger, metrics: AcceptorMetrics): Validator | undefined {
  const { validate, maxValueDepth } = config;
  if (validate === undefined) return undefined;
  return new Validator({
    ...{ ...validate, maxValueDepth, log },
    onChecked: (result, seconds) => {
      metrics.validations(result).add(1);
      if (seconds !== undefined) metrics.validationTime.observe(seconds);
    },
  });
}
