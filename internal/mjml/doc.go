// Package mjml compiles MJML, the markup language for responsive mail, to the
// HTML of a mail. It is written from MJML's public documentation and from what
// the reference implementation (npm mjml 5.4.1) puts out for samples; the tests
// compare both, element by element.
//
// What it doesn't support is a Problem with file, line and column, never
// silence: Compile gives HTML only when there is no problem.
//
// Liquid is left as it is: in text, in attributes that MJML doesn't compute
// with, and between elements, where a tag behaves as if it stood in mj-raw. So a
// template is compiled once, when the workspace loads, and the HTML is then a
// Liquid template like any other:
//
//	html, problems := mjml.Compile("templates/cart.mjml", src, mjml.Options{
//		Include: func(path string) ([]byte, error) { return fs.ReadFile(workspace, path) },
//	})
package mjml
