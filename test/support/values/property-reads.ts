/** Who reads the properties of a type, as the TypeScript compiler resolves them. */
import { join, relative } from 'node:path';
import ts from 'typescript';
import { packageFolder } from '../../../src/version.js';

/** The type-checked sources of the server; made once for a file of tests, because it takes seconds. */
export class SourceReads {
  readonly #checker: ts.TypeChecker;
  /** Paths relative to the package, by the declaration that is read there: its file and offset, or a compound name. */
  readonly #readers = new Map<string, Set<string>>();
  readonly #files = new Map<string, ts.SourceFile>();

  constructor() {
    const path = join(packageFolder, 'tsconfig.json');
    const { config } = ts.readConfigFile(path, (name) => ts.sys.readFile(name)) as { config: object };
    const parsed = ts.parseJsonConfigFileContent({ ...config, include: ['src'] }, ts.sys, packageFolder);
    const program = ts.createProgram(parsed.fileNames, parsed.options);
    this.#checker = program.getTypeChecker();
    for (const file of program.getSourceFiles()) {
      const name = relative(packageFolder, file.fileName);
      if (!name.startsWith('src/') || file.isDeclarationFile) continue;
      this.#files.set(name, file);
      this.#visit(file, name);
    }
  }

  /**
   * The files in which each property of an exported type, or of an exported constant, is read: by `x.name` or
   * `const { name } = x`. Naming it in a type does not count, writing it does not either.
   *
   * A part is often given an object by an interface of its own, which repeats the names that it needs. So a property of
   * the same name counts as well, when the name has two words or more: `maxTextBytes`, but not `port`.
   *
   * @param file Relative to the package, such as `src/config/load.ts`.
   */
  readersOf(file: string, exported: string): ReadonlyMap<string, readonly string[]> {
    const source = this.#files.get(file);
    const module = source === undefined ? undefined : this.#checker.getSymbolAtLocation(source);
    const symbol = this.#checker.getExportsOfModule(module!).find(({ name }) => name === exported);
    if (symbol === undefined) throw new Error(`${file} exports no ${exported}`);
    const type =
      (symbol.flags & ts.SymbolFlags.Type) === 0
        ? this.#checker.getTypeOfSymbol(symbol)
        : this.#checker.getDeclaredTypeOfSymbol(symbol);
    const members = type.isUnion() ? type.types : [type];
    const readers = new Map<string, string[]>();
    for (const property of members.flatMap((member) => member.getProperties())) {
      const keys = [...(property.declarations ?? []).map(keyOf), property.name];
      const files = keys.flatMap((key) => [...(this.#readers.get(key) ?? [])]);
      readers.set(property.name, [...(readers.get(property.name) ?? []), ...files]);
    }
    return readers;
  }

  #visit(node: ts.Node, file: string): void {
    if (ts.isPropertyAccessExpression(node) && !isWritten(node)) {
      this.#note(this.#checker.getSymbolAtLocation(node.name), file);
    } else if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) {
      const name = node.propertyName ?? node.name;
      if (ts.isIdentifier(name)) this.#note(this.#checker.getTypeAtLocation(node.parent).getProperty(name.text), file);
    }
    ts.forEachChild(node, (child) => this.#visit(child, file));
  }

  #note(symbol: ts.Symbol | undefined, file: string): void {
    const compound = symbol !== undefined && /[a-z][A-Z]/.test(symbol.name) ? [symbol.name] : [];
    for (const key of [...compound, ...(symbol?.declarations ?? []).map(keyOf)]) {
      const files = this.#readers.get(key) ?? new Set();
      this.#readers.set(key, files.add(file));
    }
  }
}

function keyOf(declaration: ts.Declaration): string {
  return `${declaration.getSourceFile().fileName}:${declaration.pos}`;
}

function isWritten(node: ts.PropertyAccessExpression): boolean {
  const { parent } = node;
  return (
    ts.isBinaryExpression(parent) && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken && parent.left === node
  );
}
