// What a thread of piscina-http.ts does for one request.
import { BODY } from './hello.js';

export default function answer(_url: string): string {
  return BODY;
}
