// Says where it is mounted: kind fetch.
interface Info {
  readonly environ: Readonly<Record<string, string>>;
}

export default {
  fetch(request: Request, { environ }: Info): Response {
    const { pathname, search } = new URL(request.url);
    return new Response(`fetch ${environ.SCRIPT_NAME}|${environ.PATH_INFO}|${pathname}${search}`);
  },
};
