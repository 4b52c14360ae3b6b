/** Generates docs/configuration.md from the configuration table. */
import { formatSize } from './kinds.js';
import { sections } from './variables/table.js';
import type { Variable } from './variable.js';

/** The text of docs/configuration.md. */
export function configReference(): string {
  const parts = sections.map(
    ({ title, variables }) => `## ${title}\n\n${Object.values<Variable>(variables).map(entry).join('\n\n')}`,
  );
  return `${introduction}\n\n${parts.join('\n\n')}\n`;
}

const introduction = `# Configuration

<!-- Generated from src/config/variables/table.ts by \`npm run docs\`. Do not edit. -->

The server is configured by environment variables. All are read once, at start. With an invalid value the server does
not start: it prints all problems and exits with code 1. An empty variable counts as not set.
\`synckit-server check-config\` checks the environment without starting the server.`;

function entry(variable: Variable): string {
  const facts = [`default: ${defaultOf(variable)}`, `must be ${variable.kind.words}`];
  if (variable.unit !== undefined) facts.push(`unit: ${variable.unit}`);
  if (variable.example !== undefined) facts.push(`example: \`${variable.example}\``);
  if (variable.secret === true) facts.push('never printed');
  return `### \`${variable.name}\`\n\n${variable.meaning}\n\n${facts.map((fact) => `- ${fact}`).join('\n')}`;
}

function defaultOf(variable: Variable): string {
  if (variable.default === undefined) return variable.defaultWords ?? 'none';
  if (variable.default === '') return 'none';
  const value = variable.kind.schema.parse(variable.default);
  const inWords = variable.unit === 'bytes' && typeof value === 'number' ? ` (${formatSize(value)})` : '';
  return `\`${variable.default}\`${inWords === ` (${variable.default})` ? '' : inWords}`;
}

/** The text of .env.example: every variable with its default, commented out. */
export function envExample(): string {
  const parts = sections.map(({ title, variables }) => {
    const rows = Object.values<Variable>(variables).map(
      ({ name, default: value, example }) => `# ${name}=${quoted(value ?? example ?? '')}`,
    );
    return `# ${title}\n${rows.join('\n')}`;
  });
  return `${exampleIntroduction}\n\n${parts.join('\n\n')}\n`;
}

const exampleIntroduction = `# Copy this file to .env and remove the # of what you set. docs/configuration.md describes each variable.
# Generated from src/config/variables/table.ts by \`npm run docs\`. Do not edit.
# After the = stands the default, or where it has none an example, or nothing.`;

/** As \`node --env-file\` reads it. */
function quoted(value: string): string {
  return /[\s#'"]/.test(value) ? JSON.stringify(value) : value;
}
