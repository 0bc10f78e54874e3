package campaign

import "regexp"

// mergeTag is a placeholder of another mailer that no text of ours can mean.
const mergeTag = `\*\|[A-Z][A-Z0-9_:]*\|\*|%%[A-Za-z][A-Za-z0-9_. ]*%%|<%=?\s*[A-Za-z@]|\[\[[A-Za-z_][A-Za-z_. ]*\]\]|%[A-Z]{2,}(?:_[A-Z]+)+%|%recipient\.[a-z_]+%`

var (
	// MergeTags are the placeholders of other mailers, which in a template are text
	// that the customer would read.
	MergeTags = regexp.MustCompile(mergeTag + `|\$\{[A-Za-z_][A-Za-z0-9_.]*\}|\{\$[A-Za-z]|\{\{\{`)
	// PlainMergeTags are those, and Liquid's, in a text that is printed as it is.
	// Braces alone may be those of a plural.
	PlainMergeTags = regexp.MustCompile(mergeTag + `|\{\{-?\s*[a-z_]+(?:\.[a-z_0-9]+|\s*\|)[^{}]*\}\}|\{%-?\s*[a-z]+[^{}]*%\}`)
)
