package audience

import (
	"database/sql/driver"
	"encoding/hex"
	"sync"

	"modernc.org/sqlite"

	"tidings/internal/campaign"
)

// SQLite lacks what PostgreSQL has built in, so it is given functions of ours.
// They are known to every connection that is opened after this package was loaded.
const (
	matchesFunction = "tidings_matches" // (pattern, text): 1 when the pattern is found in the text
	drawFunction    = "tidings_draw"    // (parts before the last, in hex; last part): campaign.Draw × 2^53
)

func init() {
	sqlite.MustRegisterDeterministicScalarFunction(matchesFunction, 2, matchesSQL)
	sqlite.MustRegisterDeterministicScalarFunction(drawFunction, 2, drawSQL)
}

// patterns keeps what was parsed, as SQLite asks anew for every row. It is
// emptied when it holds more than a workspace would ever have.
var patterns struct {
	sync.RWMutex
	known map[string]*campaign.Pattern
}

func knownPattern(s string) *campaign.Pattern {
	patterns.RLock()
	p := patterns.known[s]
	patterns.RUnlock()
	if p != nil {
		return p
	}
	p, err := campaign.ParsePattern(s)
	if err != nil {
		return nil
	}
	patterns.Lock()
	defer patterns.Unlock()
	if patterns.known == nil || len(patterns.known) > 1000 {
		patterns.known = map[string]*campaign.Pattern{}
	}
	patterns.known[s] = p
	return p
}

func matchesSQL(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	pattern, ok := args[0].(string)
	text, is := args[1].(string)
	if !ok || !is {
		return nil, nil
	}
	if p := knownPattern(pattern); p != nil && p.Match(text) {
		return int64(1), nil
	}
	return int64(0), nil
}

func drawSQL(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	first, ok := args[0].(string)
	last, is := args[1].(string)
	parts, err := hex.DecodeString(first)
	if !ok || !is || err != nil {
		return nil, nil
	}
	return int64(campaign.Draw(string(parts), last) * lots), nil
}
