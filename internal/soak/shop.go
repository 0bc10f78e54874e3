package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// The workspace of a soak: mail of two steps that consent stands over, mail that
// the customer waits for, and a customer can have of both at once.
var files = map[string]string{
	"tidings.yaml": `name: Soak
zone: UTC
locales: [en]
currency: EUR
brand: { address: 1 Test Street }
senders: { hello: { from: "Soak <hello@mail.soak.example>" } }
topics: { offers: {} }
defaults: { from: hello }
cap: 2 per 3h
`,
	"campaigns/series.yaml": `name: Series
status: active
topic: offers
trigger: { event: { name: Go } }
expires: 30d
expect: { entries: { at_most: 1000000 } }
steps:
  - send: letter
  - wait: 10m
  - { send: letter, id: again }
`,
	// The third mail within the cap's three hours, which has to wait.
	"campaigns/news.yaml": `name: News
status: active
topic: offers
priority: 10
trigger: { event: { name: Go } }
expires: 30d
expect: { entries: { at_most: 1000000 } }
steps: [ { wait: 15m }, { send: letter } ]
`,
	"campaigns/receipt.yaml": `name: Receipt
status: active
transactional: true
trigger: { event: { name: Go } }
expires: 30d
expect: { entries: { at_most: 1000000 } }
steps: [ { send: letter } ]
`,
	// The last line is what a body cut short lacks.
	"templates/letter.html": `---
subject: "A letter for {{ customer.id }}"
---
<p>Hello {{ customer.id }}.</p>
` + filler + `<p>{{ brand.address }} <a href="{{ links.unsubscribe }}">Unsubscribe</a> <a href="{{ links.preferences }}">Choose</a></p>
<p>END {{ customer.id }}</p>
`,
}

// filler makes a letter long enough to be cut in the middle.
const filler = `<p>Beans of this week: one from a slope that faces east, washed and dried in the shade, one from a valley where it rains in the afternoon.</p>
<p>.</p>
<p>Both are roasted on the day before they leave the house, and rest on their way to you for as long as they should.</p>
`

// newWorkspace writes the files into a folder.
func newWorkspace(dir string) error {
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make the workspace: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("make the workspace: %w", err)
		}
	}
	return nil
}
