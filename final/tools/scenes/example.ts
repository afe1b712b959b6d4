import type { Api, Person, Tweet } from '../api.ts';
import type { FanOutView } from '../fan-out.ts';
import { heading, printTable } from './print.ts';

/** The people of the worked example, in the order in which they post. */
const EXAMPLE = {
  dongxie: { name: '东邪', followers: ['xidu'], at: '16:30', content: '好想念超风' },
  xidu: { name: '西毒', followers: [], at: '16:35', content: '好想念嫂子' },
  guojing: {
    name: '郭靖',
    followers: ['dongxie', 'xidu', 'huangrong'],
    at: '17:00',
    content: '不知道华筝怎么样了',
  },
  huangrong: {
    name: '黄蓉',
    followers: ['guojing', 'dongxie'],
    at: '18:00',
    content: '男人都不是好东西',
  },
};

/** The people of the example as they are logged in. */
export type Cast = (name: string) => Person;

/** The worked example of the course: ten entries in four feeds. */
export async function playExample(api: Api, view: FanOutView): Promise<Cast> {
  heading('Four people, four posts');
  const person = await signUpAll(api);
  const posts: string[][] = [];
  for (const [author, { name, followers, at, content }] of Object.entries(EXAMPLE)) {
    for (const follower of followers) await api.follow(person(follower), person(author));
    posts.push([at, name, content, followers.map(nameOf).join(' ') || 'nobody']);
  }
  const tweets: Tweet[] = [];
  for (const [author, { content }] of Object.entries(EXAMPLE)) {
    tweets.push(await api.post(person(author), content));
  }
  await view.delivered(tweets.map(({ id }) => id));
  printTable(['at', 'author', 'posts', 'followed by'], posts);
  const feeds: string[][] = [];
  let entries = 0;
  for (const [reader, { name }] of Object.entries(EXAMPLE)) {
    const { items } = await api.feed(person(reader));
    entries += items.length;
    feeds.push([`${name} (${person(reader).username})`, items.map(toLine).join('\n')]);
  }
  printTable(['reader', 'reads, newest first'], feeds);
  console.log(`That makes ${entries} entries: a post goes to its author too.`);
  return person;
}

/** A post of the example or of the graph, on one line. */
export function toLine({ user, content }: Tweet): string {
  const [prefix = ''] = user.username.split('_');
  const name = nameOf(prefix);
  return `${name === prefix ? user.username : name}: ${content}`;
}

/** The Chinese name of somebody in the example; of others the name as it is. */
export function nameOf(username: string): string {
  return Object.entries(EXAMPLE).find(([key]) => key === username)?.[1].name ?? username;
}

/** Names are taken once; so each run has its own. */
async function signUpAll(api: Api): Promise<Cast> {
  const suffix = Date.now().toString(36);
  const people = new Map<string, Person>();
  for (const name of Object.keys(EXAMPLE)) {
    people.set(name, await api.signUp(`${name}_${suffix}`, `${name} has a password`));
  }
  return (name) => people.get(name) ?? missing(name);
}

function missing(name: string): never {
  throw new Error(`There is nobody called ${name} in the example.`);
}
