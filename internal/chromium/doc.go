// Package chromium looks at pages as a reader does: in a headless Chromium, spoken
// to in the DevTools protocol through a pipe. Tests measure pages in it and take the
// pictures of the docs. Every host name leads to a server of the caller's, so no page
// reaches the network.
package chromium
