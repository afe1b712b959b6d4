import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, styleText } from 'node:util';
import Table from 'cli-table3';
import { buildApp } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import { DEMO_PASSWORD, MOST_FOLLOWED, usernameOf } from './accounts.ts';
import { Api, ApiRefusal, type Person, type Tweet } from './api.ts';
import { followersOf, REAL_GRAPH, readGraph } from './graph.ts';
import { format } from './progress.ts';
import { Refusal, runTool } from './refusal.ts';

const HELP = `npm run demo

Plays the worked example (four people, four posts) over HTTP, and then a post by the most followed
person of the seeded graph. It talks to the server at HOST and PORT (default: 127.0.0.1:3000); if
none answers there, it starts one of its own and stops it at the end.`;

/** How many of the last followers are asked again and again whether they have the post. */
const LAST = 5;
const PATIENCE_MS = 30_000;

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

/** A server to talk to. */
interface Server {
  url: string;
  close(): Promise<void>;
}

async function main(): Promise<void> {
  if (wantsHelp()) return console.log(HELP);
  const server = await findServer();
  try {
    const api = new Api(server.url);
    const star = await requireStar(api);
    await playExample(api);
    await playStar(api, star);
  } finally {
    await server.close();
  }
}

/** @throws {Refusal} with exit code 2 when there are other arguments. */
function wantsHelp(): boolean {
  try {
    const options = { help: { type: 'boolean', short: 'h', default: false } } as const;
    return parseArgs({ options }).values.help;
  } catch {
    throw new Refusal('"npm run demo" takes no arguments; HOST and PORT name the server.', 2);
  }
}

/** The server that is running, or one of our own. @throws {Refusal} when it has no database. */
async function findServer(): Promise<Server> {
  const config = loadConfig(process.env);
  const host = ['0.0.0.0', '::'].includes(config.HOST) ? '127.0.0.1' : config.HOST;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${config.PORT}`;
  if (config.PORT !== 0 && (await statusOf(`${url}/healthz`)) === 200) {
    console.log(`Talking to the server that runs at ${url}.`);
    return { url, close: async () => {} };
  }
  const app = await buildApp({ config });
  const own = await app.listen({ host: '127.0.0.1', port: 0 });
  console.log(`No server answers at ${url}, so one was started at ${own} for this demo.`);
  if ((await statusOf(`${own}/readyz`)) === 200) return { url: own, close: () => app.close() };
  await app.close();
  throw new Refusal(
    'Its database does not answer: start one with "npx course services up", or correct DATABASE_URL.',
  );
}

async function statusOf(url: string): Promise<number> {
  return fetch(url, { signal: AbortSignal.timeout(3_000) }).then(
    ({ status }) => status,
    () => 0,
  );
}

/** Logs in as the most followed person. @throws {Refusal} when there is none. */
async function requireStar(api: Api): Promise<Person> {
  try {
    return await api.logIn(usernameOf(MOST_FOLLOWED), DEMO_PASSWORD);
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    if (error.status === 401) {
      throw new Refusal(
        `The server at ${api.url} does not have the graph: load it with "npm run seed" and try again; if another server has taken the port, stop that one or set PORT.`,
      );
    }
    throw new Refusal(
      `${error.message} If ${api.url} is the finished app, migrate its database with "npm run migrate" in final/; if it is another server, set PORT.`,
    );
  }
}

/** The worked example of the course: ten entries in four feeds. */
async function playExample(api: Api): Promise<void> {
  heading('Four people, four posts');
  // Names are taken once; so each run has its own.
  const suffix = Date.now().toString(36);
  const people = new Map<string, Person>();
  for (const name of Object.keys(EXAMPLE)) {
    people.set(name, await api.signUp(`${name}_${suffix}`, `${name} has a password`));
  }
  const person = (name: string) => people.get(name) ?? missing(name);
  const posts = new Table({ head: ['at', 'author', 'posts', 'followed by'], style: plain });
  for (const [author, { name, followers, at, content }] of Object.entries(EXAMPLE)) {
    for (const follower of followers) await api.follow(person(follower), person(author));
    posts.push([at, name, content, followers.map(nameOf).join(' ') || 'nobody']);
  }
  for (const [author, { content }] of Object.entries(EXAMPLE)) {
    await api.post(person(author), content);
  }
  console.log(posts.toString());
  const feeds = new Table({ head: ['reader', 'reads, newest first'], style: plain });
  let entries = 0;
  for (const [reader, { name }] of Object.entries(EXAMPLE)) {
    const feed = await api.feed(person(reader));
    entries += feed.length;
    feeds.push([`${name} (${person(reader).username})`, feed.map(toLine).join('\n')]);
  }
  console.log(`${feeds.toString()}\nThat makes ${entries} entries: a post goes to its author too.`);
}

/** A post by somebody whom many follow, and when it has come to the last of them. */
async function playStar(api: Api, star: Person): Promise<void> {
  const followers = followersOf(await readGraph(REAL_GRAPH), MOST_FOLLOWED);
  heading(`One post, ${format(followers.length)} followers`);
  const logIn = (node: number) => api.logIn(usernameOf(node), DEMO_PASSWORD);
  // The app delivers in the order of the ids, which is that of the nodes.
  const last = await Promise.all(followers.slice(-LAST).map(logIn));
  const middle = followers.slice(followers.length / 2, followers.length / 2 + 1);
  const others = await Promise.all([...followers.slice(0, 1), ...middle].map(logIn));

  const started = performance.now();
  const content = `Hello to all ${format(followers.length)} of you! 大家好 👋`;
  const tweet = await api.post(star, content);
  const answered = performance.now() - started;
  console.log(`${star.username} posted "${content}", and had the answer after ${ms(answered)}.`);
  await waitForAll(api, tweet, [star, ...last], started);

  const table = new Table({
    head: ['reader', 'reads, newest first'],
    style: plain,
    colWidths: [18, 80],
    wordWrap: true,
  });
  for (const reader of [...others, ...last.slice(-1)]) {
    const feed = await api.feed(reader);
    table.push([reader.username, [...feed.slice(0, 3).map(toLine), '…'].join('\n')]);
  }
  console.log(table.toString());
}

/** Asks for these feeds until all of them have the tweet, and tells how long it took. */
async function waitForAll(api: Api, tweet: Tweet, readers: Person[], started: number) {
  for (let rounds = 1; ; rounds += 1) {
    const feeds = await Promise.all(readers.map((reader) => api.feed(reader)));
    const took = performance.now() - started;
    if (feeds.every((feed) => feed.some(({ id }) => id === tweet.id))) {
      const when =
        rounds === 1
          ? 'it was there the first time that anybody looked, because the answer to a post comes only when all feeds have it'
          : `until then they were asked ${rounds} times`;
      return console.log(
        `${ms(took)} after the beginning of the request the last of the followers had read it, and the author too: ${when}.`,
      );
    }
    if (took > PATIENCE_MS) {
      throw new Refusal(
        `After ${ms(took)} not all of ${readers.map(({ username }) => username).join(', ')} have the post: they may have unfollowed ${tweet.user.username}, or the server cannot keep up.`,
      );
    }
    await sleep(10);
  }
}

const plain = { head: [], border: [] };

function heading(text: string) {
  console.log(`\n${styleText('bold', text)}`);
}

function nameOf(username: string): string {
  return Object.entries(EXAMPLE).find(([key]) => key === username)?.[1].name ?? username;
}

/** A post of the example or of the graph, on one line. */
function toLine({ user, content }: Tweet): string {
  const [prefix = ''] = user.username.split('_');
  const name = nameOf(prefix);
  return `${name === prefix ? user.username : name}: ${content}`;
}

function ms(duration: number): string {
  return `${Math.round(duration)} ms`;
}

function missing(name: string): never {
  throw new Error(`There is nobody called ${name} in the example.`);
}

if (import.meta.main) await runTool(main);
