package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"tidings/internal/store"
)

// customerCmd is what is stored of one customer.
type customerCmd struct {
	Show   customerShowCmd   `cmd:"" help:"Say what is known of a customer and what has become of their mails; nothing personal without --full."`
	Export customerExportCmd `cmd:"" help:"Write all that is stored of a customer as JSON, to be handed to them."`
	Erase  customerEraseCmd  `cmd:"" help:"Delete a customer and all that is theirs; hashes of their addresses stay among the suppressions."`
}

// customerRef is how a customer is named.
type customerRef struct {
	Customer string `arg:"" help:"The shop's id, ours as '#12', an earlier or a device's id, or the address."`
}

type customerShowCmd struct {
	customerRef
	Full  bool `help:"The address, attributes and events as they are, and not masked."`
	Limit int  `help:"Lines of each kind, the last ones." default:"20" placeholder:"N"`
}

// Run shows.
func (c *customerShowCmd) Run(rt *runtime) error {
	if c.Limit < 1 {
		return usage("--limit %d: write 1 or more", c.Limit)
	}
	s, e, err := rt.exported(c.Customer)
	if err != nil {
		return err
	}
	defer s.Close()
	if !c.Full {
		e.Mask()
	}
	left := e.Last(c.Limit)
	if rt.json {
		return rt.printJSON(struct {
			*store.Export
			More map[string]int `json:"more"` // lines that --limit leaves out
		}{e, left})
	}
	printCustomer(rt, e, left)
	return nil
}

type customerExportCmd struct {
	customerRef
	Output string `short:"o" help:"Write to this file, which must not exist, readable by its owner alone." placeholder:"FILE"`
}

// Run exports.
func (c *customerExportCmd) Run(rt *runtime) error {
	s, e, err := rt.exported(c.Customer)
	if err != nil {
		return err
	}
	defer s.Close()
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	text = append(text, '\n')
	if c.Output == "" {
		_, err = rt.stdout.Write(text)
		return err
	}
	f, err := os.OpenFile(c.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsExist(err) {
		return usage("%s is there already; name a file that is not", c.Output)
	}
	if err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	_, err = f.Write(text)
	return cmp.Or(err, f.Close())
}

// exported opens the store and reads all that it has of a customer.
func (rt *runtime) exported(ref string) (*store.Store, *store.Export, error) {
	s, err := rt.openExisting()
	if err != nil {
		return nil, nil, err
	}
	customer, err := rt.customer(s, ref)
	var now time.Time
	if err == nil {
		now, err = rt.reportNow(s)
	}
	var e *store.Export
	if err == nil {
		e, err = s.ExportCustomer(rt.ctx, customer.ID, now)
	}
	if err == nil && e == nil {
		err = &exitError{exitNo, "there is no such customer any more"}
	}
	if err != nil {
		s.Close()
		return nil, nil, err
	}
	return s, e, nil
}

type customerEraseCmd struct {
	customerRef
	Yes bool `help:"Really do it. Without it the command says what would go."`
}

// eraseOutput is what `customer erase --json` prints.
type eraseOutput struct {
	Customer string         `json:"customer"`
	Erased   bool           `json:"erased"`
	Rows     map[string]int `json:"rows"` // what goes, or would
}

// Run erases.
func (c *customerEraseCmd) Run(rt *runtime) error {
	s, e, err := rt.exported(c.Customer)
	if err != nil {
		return err
	}
	defer s.Close()
	customer, err := rt.customer(s, c.Customer)
	if err != nil {
		return err
	}
	out := eraseOutput{Customer: customer.ExternalID, Rows: e.Rows()}
	if c.Yes {
		if err := s.EraseCustomer(rt.ctx, customer.ID, rt.who, e.At); err != nil {
			return err
		}
		out.Erased = true
	}
	if rt.json {
		err = rt.printJSON(out)
	} else {
		var parts []string
		for _, what := range slices.Sorted(maps.Keys(out.Rows)) {
			parts = append(parts, fmt.Sprintf("%d %s", out.Rows[what], what))
		}
		rt.printf("%s %s: %s\n", out.Customer, map[bool]string{true: "is erased", false: "would be erased"}[c.Yes], strings.Join(parts, ", "))
		if c.Yes {
			rt.printf("hashes of their addresses stay among the suppressions; delete them in the shop too, or its next call brings their data back\n")
		}
	}
	if err == nil && !c.Yes {
		return &exitError{exitNo, "nothing was deleted; add --yes to do it"}
	}
	return err
}

// printCustomer is a customer for a person.
func printCustomer(rt *runtime, e *store.Export, left map[string]int) {
	for _, k := range slices.Sorted(maps.Keys(e.Customer)) {
		rt.printf("%s: %s\n", strings.TrimSuffix(k, "_at"), plainValue(e.Customer[k]))
	}
	section := func(name string, lines []string) {
		if len(lines) == 0 {
			return
		}
		rt.printf("\n%s", name)
		if left[name] > 0 {
			rt.printf(" (%d more)", left[name])
		}
		rt.printf("\n")
		for _, l := range lines {
			rt.printf("  %s\n", l)
		}
	}
	var said []string
	for _, c := range e.Consents {
		said = append(said, consentLine(c))
	}
	section("consents", said)
	for _, part := range e.Parts() {
		var lines []string
		for _, row := range part.Rows {
			lines = append(lines, rowLine(row))
		}
		section(part.Name, lines)
	}
}

// rowLine is a row in a line: its moments first.
func rowLine(row map[string]any) string {
	var times, rest []string
	for _, k := range slices.Sorted(maps.Keys(row)) {
		if t, ok := row[k].(time.Time); ok {
			times = append(times, strings.TrimSuffix(k, "_at")+" "+plainValue(t))
		} else {
			rest = append(rest, k+" "+plainValue(row[k]))
		}
	}
	return strings.Join(append(times, rest...), "  ")
}

func plainValue(v any) string {
	text := fmt.Sprint(v)
	switch v := v.(type) {
	case time.Time:
		if v.Unix() == 0 { // an import vouches for it
			return "the beginning"
		}
		return v.Format(time.RFC3339)
	case json.RawMessage:
		text = string(v)
	case map[string]any: // masked
		text = strings.Join(slices.Sorted(maps.Keys(v)), ", ")
	}
	// What others have sent moves no cursor.
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
