package render

import (
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
	StoreID   string // names the store in Message-IDs: letters, digits, - and .
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
	}
	vars, err := r.variables(&o, l, st)
	if err != nil {
		return campaign.Email{}, err
	}
	subject, html, err := r.write(st, vars, l, t, o.Customer.Locale)
	if err != nil {
		return campaign.Email{}, err
	}
	return l.message(&o, st, subject, html)
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
	for _, k := range campaign.LocaleChain(locale, r.catalog.Workspace.Locales) {
		if t := sources[k]; t != nil {
			return t
		}
	}
	return sources[""]
}

// write renders subject, preheader and body.
func (r *Renderer) write(st *state, vars map[string]any, l *letter, t *campaign.Template, locale string) (subject, html string, err error) {
	buf := r.buffers.Get().(*[]byte)
	st.out = (*buf)[:0]
	defer func() {
		*buf = st.out[:0]
		st.out = nil
		r.buffers.Put(buf)
	}()
	send := l.step.Send
	subject, err = r.header(st, vars, l, locale, t.File, send.Subject, t.Subject)
	if err != nil {
		return "", "", err
	}
	if subject == "" && !st.sample {
		return "", "", &Error{File: t.File, Message: "the subject is empty"}
	}
	vars["subject"] = subject
	st.preheader, err = r.header(st, vars, l, locale, t.File, send.Preheader, t.Preheader)
	if err != nil {
		return "", "", err
	}
	if st.preheader != "" {
		vars["preheader"] = st.preheader
	}
	u := r.body(t, locale)
	if u == nil {
		return "", "", &Error{File: t.File, Message: "no layout for the customer's language"}
	}
	if err := u.run(st, vars); err != nil {
		return "", "", err
	}
	html = string(st.out)
	if !utf8.ValidString(html) {
		html = strings.ToValidUTF8(html, "\ufffd")
	}
	if u.inlines {
		html = inlineCSS(html)
	}
	return subject, html, nil
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

// header renders a subject or preheader: the step's, else the template's. It is
// one line.
func (r *Renderer) header(st *state, vars map[string]any, l *letter, locale, file string, own, template campaign.Localized) (string, error) {
	texts := template
	if len(own) > 0 {
		texts, file = own, campaignFile(l.campaign)
	}
	text := texts.In(locale, r.catalog.Workspace.Locales)
	if text == "" {
		return "", nil
	}
	u := r.headers[headerKey{file, text}]
	if u == nil {
		return "", &Error{File: file, Message: "a subject or preheader was not compiled"}
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
