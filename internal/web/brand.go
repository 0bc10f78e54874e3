package web

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// brand is how the customers' pages look like the shop's: its colour on buttons, its
// logo above.
type brand struct {
	css    string // empty: the pages keep their own colours
	sheet  string // its address
	Logo   string // empty: the shop's name stands there
	origin string // of the logo, for the policy
}

func brandOf(values map[string]string) (b brand) {
	if u, err := url.Parse(values["logo"]); err == nil && u.Scheme == "https" && u.Host != "" && !strings.ContainsAny(u.Host, " ;,'\"") {
		b.Logo, b.origin = u.String(), "https://"+u.Host
	}
	colour := values["colours.button"]
	if colour == "" {
		colour = values["colour"]
	}
	if c, ok := hexColour(colour); ok {
		b.css = ":root { --brand: " + c.String() + "; --brand-ink: " + c.ink() + "; }\n"
		sum := sha256.Sum256([]byte(b.css))
		b.sheet = "/assets/brand.css?v=" + hex.EncodeToString(sum[:6])
	}
	return b
}

// style serves the brand's colours.
func (b brand) style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	answer(w, http.StatusOK, "text/css; charset=utf-8", []byte(b.css))
}

// policy is that of the customers' pages: the logo may come from the shop's host.
func (b brand) policy() string {
	if b.origin == "" {
		return policy
	}
	return strings.Replace(policy, "img-src 'self'", "img-src 'self' "+b.origin, 1)
}

// colour is red, green and blue.
type colour [3]uint8

// hexColour reads #5b3a29 and #abc.
func hexColour(s string) (c colour, ok bool) {
	digits, ok := strings.CutPrefix(s, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	if !ok || err != nil || len(digits) != 6 {
		return c, false
	}
	return colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}, true
}

func (c colour) String() string { return "#" + hex.EncodeToString(c[:]) }

// ink is the one of black and white that is read better on the colour: its contrast,
// by WCAG 2, is 4.5 or more on each.
func (c colour) ink() string {
	l := 0.0
	for i, weight := range [3]float64{0.2126, 0.7152, 0.0722} {
		v := float64(c[i]) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		l += weight * v
	}
	if 1.05/(l+0.05) >= (l+0.05)/0.05 {
		return "#ffffff"
	}
	return "#000000"
}
