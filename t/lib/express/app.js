// An Express application that tells what it sees of a client.  Its argument
// is its setting `trust proxy`, in JSON:
//
//   node app.js 1
//
// It prints `http PORT`, and `h2c PORT` for the same without Express, which
// speaks no HTTP/2. A WebSocket gets the answer as its first frame.

'use strict';

const crypto = require('crypto');
const express = require('express');
const http2 = require('http2');
const proxyaddr = require('proxy-addr');

const app = express();
app.set('trust proxy', JSON.parse(process.argv[2]));

function seen(req, ip) {
  const told = {
    ip: ip,
    version: req.httpVersion,
    peer: req.socket.remoteAddress,
    forwarded_for: req.headers['x-forwarded-for'],
  };
  // What Express makes of the other headers.
  for (const name of ['protocol', 'secure', 'hostname'])
    if (name in req) told[name] = req[name];
  // A certificate as httpd's expressions have it: blanks for line ends.
  const line = req.headers['x-client-cert'];
  if (line) {
    const certificate = new crypto.X509Certificate(
        line.replace(/ (?!CERTIFICATE-)/g, '\n'));
    told.certificate = certificate.subject;
    told.fingerprint = certificate.fingerprint256;
  }
  return Object.keys(told).map((name) => `${name}=${told[name]}\n`).join('');
}

// What Express's req.ip is, for requests that never reach it.
function address(req) {
  return proxyaddr(req, app.get('trust proxy fn'));
}

app.use((req, res) => {
  res.type('text/plain').send(seen(req, req.ip));
});

function listening(name, server) {
  server.listen(0, '127.0.0.1', () => {
    console.log(name, server.address().port);
  });
  return server;
}

const server = listening('http', require('http').createServer(app));

server.on('upgrade', (req, socket) => {
  const accept = crypto.createHash('sha1').update(
      req.headers['sec-websocket-key'] +
      '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  const text = Buffer.from(seen(req, address(req)));
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n' +
      `Connection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  // One text frame whose length takes two bytes.
  const head = Buffer.from([0x81, 126, 0, 0]);
  head.writeUInt16BE(text.length, 2);
  socket.end(Buffer.concat([head, text]));
});

listening('h2c', http2.createServer((req, res) => {
  res.setHeader('Content-Type', 'text/plain');
  res.end(seen(req, address(req)));
}));
