// Package web is all HTTP of Tidings: events in, opens, clicks, unsubscribes,
// the report and the health checks. Pages are rendered here, need no
// JavaScript and load nothing from elsewhere.
//
// Nothing that a GET or HEAD asks for changes anything but the record that it
// happened. Logs hold route patterns and message ids, never a token, an address
// or a body.
package web
