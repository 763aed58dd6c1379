// A NestJS application as its compiler leaves it, decorators applied by hand; its bootstrap() is awaited by nobody.
require('reflect-metadata');
const common = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { FileInterceptor } = require('@nestjs/platform-express');
const { interval, map, take } = require('rxjs');

class AppController {
  hello() {
    return 'hello';
  }
  json(query) {
    return { query };
  }
  echo(body) {
    return body;
  }
  upload(file, body) {
    return { name: file.originalname, size: file.size, field: body.field };
  }
  events() {
    return interval(10).pipe(
      take(3),
      map((n) => ({ data: { n } })),
    );
  }
  fail() {
    throw new common.BadRequestException('on purpose');
  }
  break() {
    throw new Error('on purpose');
  }
}
const method = (name, ...decorators) => {
  const { prototype } = AppController;
  for (const decorate of decorators) decorate(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
};
method('hello', common.Get('/'));
method('json', common.Get('/json'));
common.Query()(AppController.prototype, 'json', 0);
method('echo', common.Post('/json'));
common.Body()(AppController.prototype, 'echo', 0);
method('upload', common.Post('/upload'), common.UseInterceptors(FileInterceptor('file')));
common.UploadedFile()(AppController.prototype, 'upload', 0);
common.Body()(AppController.prototype, 'upload', 1);
method('events', common.Sse('/events'));
method('fail', common.Get('/redirect'));
method('break', common.Get('/throw'));
common.Controller()(AppController);
class AppModule {}
common.Module({ controllers: [AppController] })(AppModule);

async function bootstrap() {
  const app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(process.env.PORT, '127.0.0.1');
  console.log(`listening on ${app.getHttpServer().address().port}`);
}
bootstrap();
