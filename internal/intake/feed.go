package intake

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"tidings/internal/campaign"
)

// peek looks at what a reader begins with, and gives one that begins there again.
func peek(r io.Reader) (string, io.Reader) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, _ := b.Peek(256) // an error shows again when it is read
	return string(head), b
}

// feedItems reads a Google Merchant feed: the <item> elements of RSS, or the
// <entry> elements of Atom, whose fields are in Google's namespace or in none.
// https://support.google.com/merchants/answer/160589
func feedItems(r io.Reader) iter.Seq2[campaign.Product, error] {
	return func(yield func(campaign.Product, error) bool) {
		d := xml.NewDecoder(r)
		for {
			t, err := d.Token()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(campaign.Product{}, fmt.Errorf("the feed is not XML: %w", err))
				return
			}
			start, ok := t.(xml.StartElement)
			if !ok || start.Name.Local != "item" && start.Name.Local != "entry" {
				continue
			}
			line, _ := d.InputPos()
			fields, err := feedFields(d)
			if err != nil {
				yield(campaign.Product{}, fmt.Errorf("the feed is not XML: %w", err))
				return
			}
			p, err := feedProduct(fields)
			if err != nil {
				err = &Rejected{line, err.Error(), "<" + start.Name.Local + ">"}
			}
			var bad *Rejected
			if !yield(p, err) || err != nil && !errors.As(err, &bad) {
				return
			}
		}
	}
}

// feedFields reads the elements of one item by name: the text of the first of each,
// and the href of an Atom link. What is within an element, as the parts of a
// shipping rate, is left out.
func feedFields(d *xml.Decoder) (map[string]any, error) {
	out := map[string]any{}
	depth, name, size := 0, "", 0
	var text strings.Builder
	for {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				name = strings.ToLower(t.Name.Local)
				text.Reset()
				for _, a := range t.Attr {
					if a.Name.Local == "href" {
						text.WriteString(a.Value)
					}
				}
			}
		case xml.CharData:
			if size += len(t); size > MaxRow {
				return nil, fmt.Errorf("an item is longer than %d KB", MaxRow>>10)
			}
			if depth == 1 {
				text.Write(t)
			}
		case xml.EndElement:
			if depth--; depth < 0 {
				return out, nil
			}
			if s := strings.TrimSpace(text.String()); depth == 0 && s != "" && out[name] == nil {
				out[name] = s
			}
		}
	}
}
