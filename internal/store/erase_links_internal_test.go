package store

import (
	"strings"
	"testing"
)

func TestLinksThatName(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]struct{ may, names bool }{
		"https://kape.example/?e=ana%40kape.example&x=1":              {true, true},
		"https://kape.example/ana@kape.example":                       {true, true},
		"https://kape.example/?e=Ana@Kape.example":                    {true, true},
		"https://kape.example/?e=joana@kape.example,ana@kape.example": {true, true},
		"https://kape.example/?e=joana@kape.example":                  {true, false},
		"https://kape.example/?e=ana@kape.example.org":                {true, false},
		"https://tiktok.example/@ana":                                 {false, false},
		"https://kape.example/maps/@52.1,4.3":                         {false, false},
		"https://kape.example/?e=%C3%A9%40kape.example":               {true, false},
		"https://kape.example/c":                                      {false, false},
	} {
		found := false
		for _, text := range spellings("ana@kape.example") {
			found = found || names(strings.ToLower(url), text)
		}
		if may := mayName(url); may != want.may || found != want.names {
			t.Errorf("%s: %t, %t; want %+v", url, may, found, want)
		}
	}
}
