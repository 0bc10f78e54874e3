package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/dkim"
	"tidings/internal/render"
)

type (
	dkimCmd struct {
		Keygen  dkimKeygenCmd  `cmd:"" help:"Make a key, and say what to put into DNS."`
		Records dkimRecordsCmd `cmd:"" help:"Say what DNS must have for the keys of DKIM_KEYS."`
	}
	dkimKeygenCmd struct {
		Domain    string `required:"" help:"The domain of the mails' From." placeholder:"DOMAIN"`
		Selector  string `required:"" help:"Tells the domain's keys apart, as s2026a." placeholder:"NAME"`
		Algorithm string `help:"rsa (2048 bits, known to all receivers) or ed25519." default:"rsa" enum:"rsa,ed25519"`
		Out       string `help:"The new file for the private key; else SELECTOR.DOMAIN.pem." placeholder:"FILE"`
	}
	dkimRecordsCmd struct{}
)

// dkimOutput is what `dkim keygen --json` prints, and `dkim records` for each key.
type dkimOutput struct {
	Domain    string `json:"domain"`
	Selector  string `json:"selector"`
	Algorithm string `json:"algorithm"`      // as in a signature
	File      string `json:"file,omitempty"` // of the private key
	Name      string `json:"name"`           // of the TXT record
	Value     string `json:"value"`
}

func dkimOutputOf(k *dkim.Key, file string) dkimOutput {
	return dkimOutput{k.Domain, k.Selector, k.Algorithm(), file, k.RecordName(), k.Record()}
}

// Run makes a key.
func (c *dkimKeygenCmd) Run(rt *runtime) error {
	k, err := dkim.Generate(c.Domain, c.Selector, c.Algorithm)
	if err != nil {
		return usage("%v", err)
	}
	file := c.Out
	if file == "" {
		file = k.Selector + "." + k.Domain + ".pem"
	}
	if err := k.Write(file); errors.Is(err, os.ErrExist) {
		return usage("%s is there already, and a key that signs is not written over; choose another --selector, or another file with --out", file)
	} else if err != nil {
		return fmt.Errorf("write the private key: %w", err)
	}
	if rt.json {
		return rt.printJSON(dkimOutputOf(k, file))
	}
	path, err := filepath.Abs(file)
	if err != nil {
		path = file
	}
	rt.printf("The private key is in %s, for its owner's eyes alone.\n\n1. Put into DNS (TXT, any TTL):\n\n   name   %s\n   value  %s\n\n   or, in a zone file:\n\n   %s\n\n2. When the record can be looked up, set\n\n   DKIM_KEYS=%s@%s=%s\n\n   before the keys that are there, and restart the workers.\n",
		file, k.RecordName(), k.Record(), k.ZoneLine(), k.Selector, k.Domain, path)
	return nil
}

// Run lists the keys that are set.
func (*dkimRecordsCmd) Run(rt *runtime) error {
	s, err := rt.dkimSigner()
	if err != nil {
		return err
	}
	if s == nil {
		return &exitError{exitNo, "DKIM_KEYS is not set; `tidings dkim keygen` makes a key"}
	}
	out := []dkimOutput{}
	for _, k := range s.Keys() {
		out = append(out, dkimOutputOf(k, ""))
	}
	if rt.json {
		return rt.printJSON(out)
	}
	for _, k := range s.Keys() {
		rt.printf("%s\n", k.ZoneLine())
	}
	return nil
}

// dkimSigner signs with DKIM_KEYS; nil: they are not set.
func (rt *runtime) dkimSigner() (*dkim.Signer, error) {
	if rt.cfg.DKIMKeys == "" {
		return nil, nil
	}
	s, err := dkim.Parse(rt.cfg.DKIMKeys, os.ReadFile)
	if err != nil {
		return nil, usage("DKIM_KEYS: %v", err)
	}
	return s, nil
}

// renderer is the render package as the worker wants it: its mails are signed.
type renderer struct {
	*render.Renderer
	settings render.Settings
	dkim     *dkim.Signer // nil: mails are not signed here
}

func (r renderer) Render(o campaign.Outgoing) (campaign.Email, error) {
	e, err := r.Renderer.Render(o, r.settings)
	if err != nil {
		return e, err
	}
	return signed(e, r.dkim, o.Now)
}

// signed is a mail with its signature as of a moment; without a signer, as it is.
func signed(e campaign.Email, by *dkim.Signer, at time.Time) (campaign.Email, error) {
	if by == nil {
		return e, nil
	}
	var err error
	if e.Body, err = by.Sign(e.Body, at); err != nil {
		return e, err
	}
	if seven := e.SevenBit; seven != nil {
		// Other bytes go over the line, so it is they that are signed.
		e.SevenBit = func() []byte {
			body := seven()
			signed, err := by.Sign(body, at)
			if err != nil {
				return body // cannot be: the same key has just signed the same header
			}
			return signed
		}
	}
	return e, nil
}
