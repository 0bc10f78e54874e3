package preview_test

import (
	"fmt"
	"net/http"
	"path"
	"strings"
)

// drawings are what the shop's products look like, by the name of the picture.
var drawings = map[string]string{
	"barako": `<path d="M78 52h84l8 24v122H70V76z" fill="#5b3a29"/><path d="M78 52h84l4 12H74z" fill="#46291b"/><rect x="84" y="102" width="72" height="58" rx="4" fill="#f5e6d3"/><ellipse cx="120" cy="131" rx="14" ry="20" fill="#5b3a29" transform="rotate(24 120 131)"/><path d="M112 116q16 14 14 32" stroke="#f5e6d3" stroke-width="3" fill="none"/>`,
	"moka":   `<path d="M92 66h54l8 58H84zM84 130h70l10 66H74z" fill="#8c9297"/><rect x="80" y="122" width="78" height="10" fill="#6a7075"/><path d="M92 66h54l-6-12h-42z" fill="#a5abb0"/><circle cx="119" cy="49" r="6" fill="#2b2b2b"/><path d="M154 78h28v50h-12V90h-14z" fill="#2b2b2b"/><path d="M92 68l-18-6 12 26z" fill="#8c9297"/>`,
	"mug":    `<path d="M72 82h82v82a26 26 0 0 1-26 26H98a26 26 0 0 1-26-26z" fill="#7d9aa0"/><path d="M154 102h14a22 22 0 0 1 0 48h-14" fill="none" stroke="#7d9aa0" stroke-width="12"/><path d="M72 82h82v20H72z" fill="#e9efef"/><path d="M98 66q-8-10 0-20M118 66q-8-10 0-20" stroke="#c4b6a6" stroke-width="4" fill="none"/>`,
	"towel":  `<path d="M84 52h72v146H84z" fill="#efe6d8"/><path d="M84 78h72v8H84zM84 94h72v4H84zM84 164h72v8H84z" fill="#a0563c"/><path d="M84 52h22v146H84z" fill="#00000010"/><path d="M76 48h88" stroke="#8b6b4f" stroke-width="8" stroke-linecap="round"/>`,
}

// drawing answers for every host of the world with a picture of a product.
func drawing(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSuffix(path.Base(r.URL.Path), path.Ext(r.URL.Path))
	shape, ok := drawings[name]
	if !ok {
		shape = drawings["mug"]
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 240" width="240" height="240"><rect width="240" height="240" fill="#eadfd0"/>%s</svg>`, shape)
}
