const app = require('./express-routes.cjs')(require('express'));
const server = app.listen(process.env.PORT, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
