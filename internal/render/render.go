package render

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// Settings are what links in mails need to know of where we run.
type Settings struct {
	PublicURL string // https://…, without a slash at its end
	Signer    *token.Signer
	// ReturnAddress is where mails come back to, with a token of the message in each;
	// empty: to their sender.
	ReturnAddress string
	StoreID       string // names the store in Message-IDs: letters, digits, - and .
	// Reference is the header in which mails name themselves to a mail provider that
	// gives it back with what it reports; empty: by their Message-ID alone.
	Reference string
	// Catalogue gives the shop's products; nil, or nil from it: there are none.
	Catalogue func() *Catalogue
	// Untracked leaves links as they are written and counts no opening: for mails that
	// go to ourselves.
	Untracked bool
	Mark      string // goes before the subject, as "[Test] "
}

// Render makes the email of a message. The same message at the same o.Now gives
// the same bytes. An *Error names the place in the workspace at fault; nothing
// of a message that errs may be sent.
func (r *Renderer) Render(o campaign.Outgoing, s Settings) (campaign.Email, error) {
	l, t, err := r.find(&o)
	if err != nil {
		return campaign.Email{}, err
	}
	s.PublicURL = strings.TrimRight(s.PublicURL, "/")
	if s.Signer == nil || !isWeb(s.PublicURL) {
		return campaign.Email{}, fmt.Errorf("render message %d: links need a public URL and a key; set PUBLIC_URL and SECRET_KEY", o.ID)
	}
	st := &state{
		locale:   r.localeFor(o.Customer.Locale),
		zone:     r.zoneFor(o.Customer.Timezone),
		now:      o.Now,
		currency: r.catalog.Workspace.Currency,
		message:  o.ID,
		settings: s,
		utm:      l.utm,
	}
	u, err := r.unitsOf(l, t, o.Customer.Locale)
	if err != nil {
		return campaign.Email{}, err
	}
	vars, err := r.variables(&o, l, st, u)
	if err != nil {
		return campaign.Email{}, err
	}
	buf := r.buffers.Get().(*buffers)
	defer r.buffers.Put(buf)
	subject, err := r.write(st, vars, u, buf)
	if err != nil {
		return campaign.Email{}, err
	}
	return r.message(l, &o, st, subject, buf)
}

// find finds the step and the template of a message.
func (r *Renderer) find(o *campaign.Outgoing) (*letter, *campaign.Template, error) {
	l := r.letters[letterKey{o.Campaign, o.Step}]
	if l == nil {
		return nil, nil, fmt.Errorf("render message %d: campaign %s has no mail %s", o.ID, o.Campaign, o.Step)
	}
	name := l.step.Send.Template
	t := r.pick(r.catalog.Templates[name], o.Customer.Locale)
	if t == nil {
		return nil, nil, fmt.Errorf("render message %d: no template %s for its customer's language", o.ID, name)
	}
	return l, t, nil
}

// pick finds the source for a customer's locale: its own, its language's, the
// workspace's first, or the one for all.
func (r *Renderer) pick(sources map[string]*campaign.Template, locale string) *campaign.Template {
	for _, k := range r.catalog.Workspace.LocaleChain(locale) {
		if t := sources[k]; t != nil {
			return t
		}
	}
	return sources[""]
}

// units are the compiled texts of one mail. A nil header is empty.
type units struct {
	file                     string // of the template
	subject, preheader, body *unit
}

// trigger tells whether any of them may name what began the pass.
func (u *units) trigger() bool {
	return u.body.trigger || u.subject != nil && u.subject.trigger || u.preheader != nil && u.preheader.trigger
}

// rare tells whether any of them may name the catalogue or the step's own values.
func (u *units) rare() bool {
	return u.body.rare || u.subject != nil && u.subject.rare || u.preheader != nil && u.preheader.rare
}

// choices tells whether any of them may name the link to the preferences.
func (u *units) choices() bool {
	return u.body.choices || u.subject != nil && u.subject.choices || u.preheader != nil && u.preheader.choices
}

// viewed tells whether the mail may name the link to itself in the browser.
func (u *units) viewed() bool {
	return u.body.viewed || u.subject != nil && u.subject.viewed || u.preheader != nil && u.preheader.viewed
}

// unitsOf finds the texts of a letter for a customer's locale.
func (r *Renderer) unitsOf(l *letter, t *campaign.Template, locale string) (*units, error) {
	u := &units{file: t.File}
	send := l.step.Send
	var err error
	if u.subject, err = r.header(l, locale, t.File, send.Subject, t.Subject); err != nil {
		return nil, err
	}
	if u.preheader, err = r.header(l, locale, t.File, send.Preheader, t.Preheader); err != nil {
		return nil, err
	}
	if u.body = r.body(t, locale); u.body == nil {
		return nil, &Error{File: t.File, Message: "no layout for the customer's language"}
	}
	return u, nil
}

// header finds a subject or preheader: the step's, else the template's.
func (r *Renderer) header(l *letter, locale, file string, own, template campaign.Localized) (*unit, error) {
	texts := template
	if len(own) > 0 {
		texts, file = own, campaignFile(l.campaign)
	}
	text := r.catalog.Workspace.Text(texts, locale)
	if text == "" {
		return nil, nil
	}
	u := r.headers[headerKey{file, text}]
	if u == nil {
		return nil, &Error{File: file, Message: "a subject or preheader was not compiled"}
	}
	return u, nil
}

// body is the compiled template with the layout for a locale.
func (r *Renderer) body(t *campaign.Template, locale string) *unit {
	var layout *campaign.Template
	if name, _ := layoutName(r.catalog, t); name != "" {
		if layout = r.pick(r.catalog.Layouts[name], locale); layout == nil {
			return nil
		}
	}
	return r.bodies[bodyKey{t, layout}]
}

// buffers are what one rendering needs for a while.
type buffers struct{ html, text, mail []byte }

// write renders subject, preheader and body, the last into buf.
func (r *Renderer) write(st *state, vars map[string]any, u *units, buf *buffers) (subject string, err error) {
	st.out = buf.html[:0]
	defer func() { buf.html, st.out = st.out, nil }()
	if subject, err = u.subject.line(st, vars); err != nil {
		return "", err
	}
	if subject == "" && !st.sample {
		return "", &Error{File: u.file, Message: "the subject is empty"}
	}
	vars["subject"], st.subject = subject, subject
	if st.preheader, err = u.preheader.line(st, vars); err != nil {
		return "", err
	}
	if st.preheader != "" {
		vars["preheader"] = st.preheader
	}
	if err := u.body.run(st, vars); err != nil {
		return "", err
	}
	if !utf8.Valid(st.out) {
		st.out = bytes.ToValidUTF8(st.out, []byte("\ufffd"))
	}
	if u.body.inlines {
		st.out = append(st.out[:0], inlineCSS(string(st.out))...)
	}
	foldLong(st.out)
	return subject, nil
}

// line renders a header, which is one line.
func (u *unit) line(st *state, vars map[string]any) (string, error) {
	if u == nil {
		return "", nil
	}
	from := len(st.out)
	if err := u.run(st, vars); err != nil {
		return "", err
	}
	s := strings.Join(strings.Fields(oneLine(strings.ToValidUTF8(string(st.out[from:]), ""))), " ")
	st.out = st.out[:from]
	if utf8.RuneCountInString(s) > maxHeader {
		s = string(slices.Clip([]rune(s)[:maxHeader-1])) + "…"
	}
	return s, nil
}

// maxHeader bounds a subject, in characters; inboxes show fewer than 100.
const maxHeader = 400
