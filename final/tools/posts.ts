import type { Graph } from './graph.ts';
import { pick, randomFrom, shuffled } from './random.ts';

/** A post that the seed makes up. */
export interface Post {
  author: number;
  content: string;
}

/** Every sixth post is by somebody whom many follow; the others go round, so that all post. */
const POPULAR_EVERY = 6;

/** Makes up posts: number `index` is the same whenever and in whatever order it is asked for. */
export function postsFor(graph: Graph): (index: number) => Post {
  const order = shuffled(graph.people, randomFrom(1));
  return (index) => {
    const random = randomFrom(index + 2);
    const popular = index % POPULAR_EVERY === POPULAR_EVERY - 1;
    const turn = index - Math.floor(index / POPULAR_EVERY);
    // A person with many edges is an end of a random edge the more often.
    const author = popular ? pick(pick(graph.edges, random), random) : order[turn % order.length];
    const content = textBy(author ?? 0, random);
    return { author: author ?? 0, content: content.charAt(0).toUpperCase() + content.slice(1) };
  };
}

/** One person in six writes Chinese. */
function textBy(author: number, random: () => number): string {
  const { templates, words } = randomFrom(-1 - author)() < 1 / 6 ? CHINESE : ENGLISH;
  return pick(templates, random).replace(/\{(\w+)\}/g, (_, kind: string) =>
    pick(words[kind] ?? [], random),
  );
}

interface Language {
  templates: string[];
  words: Record<string, string[]>;
}

const ENGLISH: Language = {
  templates: [
    'Finished {book} {when}. {verdict}',
    'Halfway through {book}. {verdict}',
    'Does anybody near {place} want to go {activity} {soon}?',
    '{food} {when}, made by myself. {verdict}',
    'Where does one get good {food} around {place}?',
    'The train to {place} is late again. Time for {book}.',
    'Walked from {place} to the river {when}. {weather}',
    '{weather} I am going {activity} all the same.',
    'Three hours of {activity} and I can hardly sit. {verdict}',
    'Moved my desk to the window {when}. {weather}',
    'Today I learned: {fact}',
    'A stranger at {place} told me that {fact} Is it true?',
    'Reminder to myself: no {food} before {activity}.',
    'My neighbour is learning the {instrument}. Still the same four bars.',
    'First {instrument} lesson {when}. {verdict}',
    'Somebody left an umbrella and {book} at {place}. Is it yours?',
    'The test was green here and red everywhere else. It was the time zone. 🙃',
    'Deleted 400 lines {when} and nothing is missing. {verdict}',
    'Photos from {place} tomorrow, when I am less tired. 📷',
    'If you see me {activity} {soon}, please send me home to write.',
    'Grandmother called {when}: she has beaten everybody at {game}.',
    'Looking for one more person for {game} {soon}, beginners welcome.',
  ],
  words: {
    book: [
      'Middlemarch',
      'the new detective story',
      'a book about bees',
      'The Odyssey',
      'that thick history of maps',
      'Frankenstein',
      'a cookbook from 1911',
      'Moby-Dick',
    ],
    soon: ['tonight', 'tomorrow', 'on Friday', 'next week', 'this weekend', 'after work'],
    when: [
      'this morning',
      'last night',
      'on Sunday',
      'after work',
      'at dawn',
      'between two meetings',
      'yesterday',
    ],
    verdict: [
      'I would do it again.',
      'Not bad at all!',
      'Never again.',
      'Better than I had feared.',
      'Ask me in a week.',
      'I am still thinking about it.',
      'Five stars ⭐',
      'Recommended, with some patience.',
    ],
    place: [
      'the old harbour',
      'the central station',
      'the botanical garden',
      'the library',
      'the market hall',
      'the lake',
      'the university',
      'the second bridge',
    ],
    activity: [
      'climbing',
      'swimming',
      'running',
      'skating',
      'dancing',
      'bird-watching',
      'cycling',
      'rowing',
    ],
    food: [
      'dumplings',
      'sourdough bread',
      'lentil soup',
      'pancakes',
      'ramen',
      'apricot jam',
      'flatbread',
      'plum cake',
    ],
    weather: [
      'Rain, rain, rain.',
      'Not a cloud in the sky ☀️',
      'The first snow of the year!',
      'Fog so thick that the ducks walk.',
      'Warm enough for one jacket.',
      'It hailed, then it was summer.',
    ],
    fact: [
      'octopuses have three hearts.',
      'the word "salary" has little to do with salt.',
      'bananas are berries and strawberries are not.',
      'a day on Venus is longer than its year.',
      'honey does not go bad.',
      'there are more ways to shuffle a deck than atoms on Earth.',
    ],
    instrument: ['cello', 'trumpet', 'accordion', 'oboe', 'banjo'],
    game: ['chess', 'table tennis', 'go', 'bridge', 'mahjong', 'darts'],
  },
};

const CHINESE: Language = {
  templates: [
    '{when}去{place}{activity}了,{feeling}',
    '{when}读完了{book},{feeling}',
    '{weather}还是想去{place}{activity}。',
    '有人{soon}一起去{place}吗?',
    '自己做的{food},{feeling}',
    '{place}附近哪里有好吃的{food}?',
    '又没赶上去{place}的车,只好边等边看{book}。',
    '加班到很晚,回家煮了一碗{food}。{feeling}',
    '改了一整天的 bug,原来是时区的问题 🙃',
    '外婆打电话来,说她下{game}又赢了。',
    '三缺一!{soon}打{tiles},在线等。',
    '{weather}窗边看{book},{feeling}',
  ],
  words: {
    when: ['今天早上', '昨晚', '昨天', '上周末', '午休的时候'],
    soon: ['今晚', '明天', '周末', '下班以后'],
    tiles: ['麻将', '扑克', '桥牌'],
    place: ['西湖', '图书馆', '老城区', '植物园', '火车站', '大学城', '菜市场'],
    activity: ['散步', '跑步', '拍照', '爬山', '骑车', '看展'],
    feeling: ['心情很好。', '下次还来!', '累并快乐着。', '有点失望。', '强烈推荐 👍', '回味无穷。'],
    book: ['《红楼梦》', '《三体》', '《边城》', '《围城》', '《聊斋》', '一本旧菜谱'],
    food: ['牛肉面', '小笼包', '番茄炒蛋', '绿豆汤', '葱油饼', '麻婆豆腐'],
    weather: ['下雨了,', '今天真热,', '初雪!', '雾很大,', '难得的好天气,'],
    game: ['象棋', '围棋', '跳棋', '五子棋'],
  },
};
