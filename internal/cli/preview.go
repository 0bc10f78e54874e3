package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/preview"
	"tidings/internal/render"
)

type previewCmd struct {
	Campaign string `arg:"" optional:"" help:"The campaign whose mail to show."`
	Step     string `help:"Which of its mails, by number or by the step's id; without it, the first." placeholder:"N"`
	Customer string `help:"The shop's id or an address; or a made-up customer: ana, no-name, long-name, emoji, rtl, markup." placeholder:"ID"`
	Locale   string `help:"In this language instead of the customer's." placeholder:"LOCALE"`
	Output   string `help:"Write FILE.eml, FILE.html or FILE.txt; without it, the .eml to standard output. With --all, a folder." short:"o" placeholder:"FILE"`
	At       moment `help:"As of this moment, instead of now (a simulation's last tick)." placeholder:"TIME"`

	All       bool `help:"Render every mail in every language, for made-up customers and the most awkward of the store; fails on errors."`
	Customers int  `help:"With --all: customers of the store, at most." default:"20" placeholder:"N"`
	Strict    bool `help:"With --all: warnings are errors."`

	Serve bool   `help:"Show mails in the browser, anew whenever a file changes."`
	Port  int    `help:"With --serve: the port." default:"8090" placeholder:"PORT"`
	Host  string `help:"With --serve: the address to listen on; another than this machine's own needs ADMIN_PASSWORD." default:"127.0.0.1" placeholder:"ADDRESS"`
}

// Run shows mails to the team before customers get them. Nothing is recorded.
func (c *previewCmd) Run(rt *runtime) error {
	if err := c.sound(); err != nil {
		return err
	}
	files, dir, err := rt.workspace()
	if err != nil {
		return err
	}
	if c.Serve {
		return c.serve(rt, files, dir)
	}
	cat, renderer, problems := load(files)
	if cat == nil {
		_, _, err := rt.catalog() // tells them
		return err
	}
	people, done, err := rt.previewStore()
	if err != nil {
		return err
	}
	defer done()
	studio, err := rt.studio(cat, renderer, problems, people, c.At.Time)
	if err != nil {
		return err
	}
	if c.All {
		return c.everything(rt, studio)
	}
	return c.one(rt, studio, people != nil)
}

// sound refuses flags that do not go together.
func (c *previewCmd) sound() error {
	switch {
	case c.All && c.Serve:
		return usage("--all and --serve do not go together; the served page has a link to all")
	case (c.All || c.Serve) && (c.Campaign != "" || c.Step != "" || c.Customer != "" || c.Locale != ""):
		return usage("--all and --serve are about the whole workspace; leave the campaign, --step, --customer and --locale out")
	case !c.All && !c.Serve && c.Campaign == "":
		return usage("name a campaign: tidings preview CAMPAIGN --customer ID; or see all of them with --serve or --all")
	case c.Serve && c.Output != "":
		return usage("--serve writes no file; leave --output out")
	case c.Customers < 0:
		return usage("--customers %d: write 0 or more", c.Customers)
	case c.Port < 0 || c.Port > 65535:
		return usage("--port %d: write 1 to 65535, or 0 for one that is free", c.Port)
	}
	if !c.All && c.Output != "" && forms()[strings.ToLower(filepath.Ext(c.Output))] == nil {
		return usage("--output %s: end it in .eml, .html or .txt, which says what to write", c.Output)
	}
	return nil
}

// forms are what a file of a mail holds, by its ending.
func forms() map[string]func(*preview.Mail) []byte {
	return map[string]func(*preview.Mail) []byte{
		".eml":  func(m *preview.Mail) []byte { return m.Email.Body },
		".html": func(m *preview.Mail) []byte { return []byte(m.HTML) },
		".txt":  func(m *preview.Mail) []byte { return []byte(m.Text) },
	}
}

// studio renders previews of a workspace; people may be nil.
func (rt *runtime) studio(cat *campaign.Catalog, renderer *render.Renderer, problems []campaign.Problem, people *openStore, at time.Time) (*preview.Studio, error) {
	o := preview.Options{Catalog: cat, Renderer: renderer, Problems: problems, PublicURL: rt.cfg.PublicURL, Now: time.Now}
	if !at.IsZero() {
		o.Now = func() time.Time { return at }
	}
	if people != nil {
		o.Store = &previewStore{people, cat, at}
		list, _, err := people.s.Products(rt.ctx)
		if err != nil {
			return nil, err
		}
		if len(list) > 0 {
			o.Products = render.NewCatalogue(list)
		}
	}
	return preview.New(o)
}

// one writes a single mail. Where there is a database, a customer whom it does not
// have is an error: the mail of somebody made up would be taken for theirs.
func (c *previewCmd) one(rt *runtime, studio *preview.Studio, stored bool) error {
	ch := preview.Choice{Campaign: c.Campaign, Step: c.Step, Locale: c.Locale, Customer: c.Customer}
	m, err := studio.Mail(rt.ctx, ch)
	var broken *render.Error
	switch {
	case errors.As(err, &broken):
		p := preview.ProblemOf(err)
		return &exitError{exitNo, "this customer would get no mail: " + p.String()}
	case err != nil && rt.ctx.Err() == nil:
		return &exitError{exitNo, err.Error()}
	case err != nil:
		return err
	case stored && studio.Unknown(ch, m):
		return &exitError{exitNo, "no customer " + c.Customer + " is in the database; name one by the shop's id or an address, or one of the made-up: " + strings.Join(preview.MadeUpNames(), ", ")}
	}
	c.remarks(rt, studio, ch, m)
	if c.Output != "" {
		if err := os.WriteFile(c.Output, forms()[strings.ToLower(filepath.Ext(c.Output))](m), 0o644); err != nil {
			return fmt.Errorf("write the mail: %w", err)
		}
	}
	switch {
	case rt.json:
		return rt.printJSON(previewOutput(m, c.Output))
	case c.Output == "":
		_, err := rt.stdout.Write(m.Email.Body)
		return err
	}
	rt.printf("wrote %s: %s, %s\n", c.Output, count(len(m.Email.Body), "byte"), m.Subject)
	return nil
}

// remarks tells, beside the mail, what of it is made up and what is wrong with it.
func (c *previewCmd) remarks(rt *runtime, studio *preview.Studio, ch preview.Choice, m *preview.Mail) {
	if text := studio.Remark(ch, m); text != "" {
		fmt.Fprintln(rt.stderr, "note:", text)
	}
	for _, p := range m.Problems {
		kind := "error"
		if p.Warning {
			kind = "warning"
		}
		fmt.Fprintf(rt.stderr, "%s: %s\n", kind, p)
	}
}

// onePreview is what `preview CAMPAIGN --json` prints.
type onePreview struct {
	Campaign string             `json:"campaign"`
	Step     string             `json:"step"`
	Template string             `json:"template"`
	Locale   string             `json:"locale"`
	Customer string             `json:"customer"`
	Occasion string             `json:"occasion"` // entered, occurred, nothing or "made up"
	From     string             `json:"from"`
	To       string             `json:"to"`
	Subject  string             `json:"subject"`
	Text     string             `json:"text"`
	HTML     string             `json:"html"`
	Bytes    int                `json:"bytes"`
	HTMLSize int                `json:"html_bytes"`
	Output   string             `json:"output,omitempty"`
	Errors   []campaign.Problem `json:"errors"`
	Warnings []campaign.Problem `json:"warnings"`
}

func previewOutput(m *preview.Mail, output string) onePreview {
	o := onePreview{
		Campaign: m.Campaign.Name, Step: m.Step.ID, Template: m.Step.Template, Locale: m.Locale, Customer: m.Customer, Occasion: string(m.Occasion),
		From: m.From, To: m.To, Subject: m.Subject, Text: m.Text, HTML: m.HTML, Bytes: len(m.Email.Body), HTMLSize: len(m.HTML), Output: output,
		Errors: []campaign.Problem{}, Warnings: []campaign.Problem{},
	}
	for _, p := range m.Problems {
		if p.Warning {
			o.Warnings = append(o.Warnings, p)
		} else {
			o.Errors = append(o.Errors, p)
		}
	}
	return o
}
