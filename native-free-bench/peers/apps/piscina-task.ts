// What a thread of piscina-http.ts does for one request.
import { type Answer, answerTo, textAnswer } from './answers.js';

export default function answer(task: { url: string; body?: Uint8Array }): Pick<Answer, 'flat' | 'body'> {
  const { flat, body } = task.body === undefined ? answerTo(task.url) : textAnswer(String(task.body.length));
  return { flat, body };
}
