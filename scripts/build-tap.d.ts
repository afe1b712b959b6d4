/**
 * Builds tap's test class in the node_modules of the repository at `root`, unless that is done.
 *
 * @throws {Error} with a sentence for people when it cannot be built.
 */
export function ensureTapBuilt(root: string): void;
