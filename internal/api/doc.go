// Package api is what the protocols of the server share: what they serve from, requests with an id and an account, uploads
// within bounds, fields that are checked, the way from sound to a result, and errors that each protocol tells in its own shape.
//
// A protocol is a room below this one. It offers routes; a route's handler returns an error or has answered. A WebSocket
// protocol is a route too: its handler asks [Sockets.Join] for a place, accepts the connection, runs until it ends or
// [Backend.Draining] is closed, and returns nil.
package api
