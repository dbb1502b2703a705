/** Returns where `tsc` writes a test file. */
export function compiledTest(path: string): string {
  return `dist/${path.replace(/\.ts$/, '.js')}`;
}

/** Returns a test's name with the path of its source, where the name begins with the compiled file. */
export function nameBySource(name: string): string {
  return name.replace(/^dist\/(test\/\S+)\.js\b/, '$1.ts');
}
