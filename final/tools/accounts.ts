/** What everybody in the seeded graph has as their password. */
export const DEMO_PASSWORD = 'fanout-demo';

const FIRST_NAMES =
  'mia omar lena ravi nina hugo zoe mei ivan ada noah sara leon aiko tom elif paul rosa kofi ' +
  'anna luis vera finn dora emil yuki max olga juan ines abel tara otto lucia karl hana rene ' +
  'maya igor ruth pablo freya samir clara bruno amina theo greta jonas leila oscar priya felix ' +
  'eva marco ling simon nadia peter sofia ahmed julia david alma kenji laura milan chloe ben ' +
  'edith raj selma viktor iris daniel fatima erik naomi hassan alice anton grace matteo heidi ' +
  'tariq joan stefan malala linus maria akira helen george stella arthur vivian henry diana';

const NAMES = FIRST_NAMES.split(' ');

/** The username of a person of the graph: a first name and the number of the node. */
export function usernameOf(node: number): string {
  return `${NAMES[node % NAMES.length]}_${node}`;
}

/** The id in the database of a person of the graph. MySQL counts from 1, the graph from 0. */
export function userIdOf(node: number): string {
  return String(node + 1);
}

/** The most followed person of the graph, with 1,045 followers. */
export const MOST_FOLLOWED = 107;

/** Usernames to try the API with: the two most followed people, and one with ten followers. */
export const DEMO_ACCOUNTS = [MOST_FOLLOWED, 1684, 1073].map(usernameOf);
