package campaign

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pattern is the operand of `matches`: a regular expression that is searched for
// anywhere in a text. It is the part of RE2's syntax that PostgreSQL's advanced
// regular expressions say exactly as well, so that both engines find the same.
type Pattern struct {
	re  *regexp.Regexp
	are string
}

// What one pattern may be, so that no text makes either engine slow.
const (
	maxPattern      = 500  // bytes, as written
	maxRepeat       = 100  // of {n,m}
	maxInstructions = 1000 // of the compiled program, its repetitions written out
	maxRanges       = 2000 // of all its character classes
)

// ParsePattern reads a pattern. The error says what to write instead.
func ParsePattern(s string) (*Pattern, error) {
	if len(s) > maxPattern {
		return nil, fmt.Errorf("the pattern is %d bytes long; write one of at most %d", len(s), maxPattern)
	}
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return nil, fmt.Errorf("the pattern holds bytes that no text has; write plain UTF-8")
	}
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return nil, patternError(err)
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, patternError(err)
	}
	if len(prog.Inst) > maxInstructions {
		return nil, fmt.Errorf("the pattern is too large, its repetitions written out; use smaller numbers in {n,m}, or * or +")
	}
	// Simplify changes the tree in place: it is read anew.
	if tree, err = syntax.Parse(s, syntax.Perl); err != nil {
		return nil, patternError(err)
	}
	r := rendering{}
	if err := r.render(tree, false); err != nil {
		return nil, err
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, patternError(err)
	}
	// ***: says that an advanced expression follows, whatever the server's default.
	return &Pattern{re, "***:" + r.out.String()}, nil
}

// CheckPattern tells what is wrong with a pattern, nil when nothing is.
func CheckPattern(s string) error {
	_, err := ParsePattern(s)
	return err
}

// Match tells whether the pattern is found in text. Nothing is found in a text
// that is no UTF-8 or holds a NUL, which PostgreSQL cannot store.
func (p *Pattern) Match(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0) && p.re.MatchString(text)
}

// ARE is the pattern as an advanced regular expression of PostgreSQL.
func (p *Pattern) ARE() string { return p.are }

// patternHints say what to write instead, by what RE2 calls the mistake.
var patternHints = map[syntax.ErrorCode]string{
	syntax.ErrInvalidPerlOp:         "look-ahead, look-behind and named groups of other dialects are not there; use groups ( ), | and classes [ ]",
	syntax.ErrInvalidEscape:         `this escape is not there, nor are back-references like \1; put \ before . * + ? ( ) [ ] { } | ^ $ \ alone`,
	syntax.ErrMissingParen:          `close every ( with ), or write \( for the sign itself`,
	syntax.ErrUnexpectedParen:       `open it with (, or write \) for the sign itself`,
	syntax.ErrMissingBracket:        `close every [ with ], or write \[ for the sign itself`,
	syntax.ErrMissingRepeatArgument: `put a character or group before it, or write \ before the sign itself`,
	syntax.ErrInvalidRepeatOp:       "a repetition cannot be repeated; put ( ) around the first",
	syntax.ErrInvalidRepeatSize:     "write {n,m} with n not above m, and m at most 100; within another repetition less",
	syntax.ErrInvalidCharRange:      "write ranges from the lower to the higher character, and classes that there are",
	syntax.ErrTrailingBackslash:     `write \\ for the sign itself`,
	syntax.ErrLarge:                 "write a shorter one",
	syntax.ErrNestingDepth:          "write a shorter one",
}

func patternError(err error) error {
	known, ok := err.(*syntax.Error)
	if !ok {
		return fmt.Errorf("the pattern cannot be read (%w); write it without special signs", err)
	}
	hint := patternHints[known.Code]
	if hint == "" {
		hint = "write it with plain characters, groups ( ), |, classes [ ] and * + ? {n,m}"
	}
	if known.Expr == "" {
		return fmt.Errorf("the pattern is wrong: %s; %s", known.Code, hint)
	}
	return fmt.Errorf("the pattern is wrong at %q: %s; %s", known.Expr, known.Code, hint)
}

// rendering writes a syntax tree as an advanced regular expression. Every
// character stands as a letter, a digit or a numeric escape, and every class as
// ranges of code points, so that no locale, option or dialect changes what it means.
type rendering struct {
	out    strings.Builder
	ranges int
}

func (r *rendering) render(re *syntax.Regexp, repeated bool) error {
	switch re.Op {
	case syntax.OpEmptyMatch:
		r.out.WriteString("(?:)")
	case syntax.OpLiteral:
		for _, c := range re.Rune {
			if err := r.literal(c, re.Flags&syntax.FoldCase != 0); err != nil {
				return err
			}
		}
	case syntax.OpCharClass:
		return r.class(re.Rune)
	case syntax.OpAnyCharNotNL:
		return r.class([]rune{0, '\n' - 1, '\n' + 1, unicode.MaxRune})
	case syntax.OpAnyChar:
		return r.class([]rune{0, unicode.MaxRune})
	case syntax.OpBeginText, syntax.OpEndText:
		if repeated {
			return fmt.Errorf("the pattern repeats ^ or $; write them once, outside of what * + ? and {n,m} repeat")
		}
		r.out.WriteString(map[syntax.Op]string{syntax.OpBeginText: `\A`, syntax.OpEndText: `\Z`}[re.Op])
	case syntax.OpCapture:
		return r.group(re.Sub[0], repeated)
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest:
		// Whether a repetition is greedy says where a match ends, not whether there is one.
		return r.repeat(re.Sub[0], map[syntax.Op]string{syntax.OpStar: "*", syntax.OpPlus: "+", syntax.OpQuest: "?"}[re.Op])
	case syntax.OpRepeat:
		if re.Min > maxRepeat || re.Max > maxRepeat {
			return fmt.Errorf("the pattern repeats something more than %d times; write at most %d in {n,m}, or * or +", maxRepeat, maxRepeat)
		}
		times := fmt.Sprintf("{%d,%d}", re.Min, re.Max)
		if re.Max < 0 {
			times = fmt.Sprintf("{%d,}", re.Min)
		}
		return r.repeat(re.Sub[0], times)
	case syntax.OpConcat:
		for _, part := range re.Sub {
			if err := r.group(part, repeated); err != nil {
				return err
			}
		}
	case syntax.OpAlternate:
		for i, part := range re.Sub {
			if i > 0 {
				r.out.WriteByte('|')
			}
			if err := r.render(part, repeated); err != nil {
				return err
			}
		}
	case syntax.OpBeginLine, syntax.OpEndLine:
		return fmt.Errorf("the pattern has the flag (?m); ^ and $ are the text's beginning and end, leave the flag out")
	case syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return fmt.Errorf(`the pattern has \b or \B, which the databases understand differently; write what stands around the word, as in (^| )word( |$)`)
	default:
		return fmt.Errorf("the pattern has a part that nothing matches; leave it out")
	}
	return nil
}

// group renders re so that what stands beside it does not reach into it.
func (r *rendering) group(re *syntax.Regexp, repeated bool) error {
	if re.Op == syntax.OpLiteral || re.Op == syntax.OpCharClass || re.Op == syntax.OpConcat {
		return r.render(re, repeated)
	}
	r.out.WriteString("(?:")
	err := r.render(re, repeated)
	r.out.WriteByte(')')
	return err
}

func (r *rendering) repeat(re *syntax.Regexp, times string) error {
	r.out.WriteString("(?:")
	err := r.render(re, true)
	r.out.WriteString(")" + times)
	return err
}

// literal is one character, with fold all those that differ from it in case alone.
func (r *rendering) literal(c rune, fold bool) error {
	if c == 0 {
		return fmt.Errorf("the pattern asks for a NUL, which no text holds; leave it out")
	}
	if !fold || unicode.SimpleFold(c) == c {
		r.rune(c)
		return nil
	}
	ranges := []rune{c, c}
	for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
		ranges = append(ranges, f, f)
	}
	return r.class(ranges)
}

// class is a set of characters, as pairs of the first and last of a range. NUL
// is left out: no text holds it.
func (r *rendering) class(ranges []rune) error {
	r.ranges += len(ranges) / 2
	if r.ranges > maxRanges {
		return fmt.Errorf(`the pattern's classes hold too many ranges of characters; name a class like \pL once, and repeat it with * + or {n,m}`)
	}
	r.out.WriteByte('[')
	empty := true
	for i := 0; i < len(ranges); i += 2 {
		low, high := max(ranges[i], 1), ranges[i+1]
		if low > high {
			continue
		}
		empty = false
		r.rune(low)
		if high > low {
			r.out.WriteByte('-')
			r.rune(high)
		}
	}
	r.out.WriteByte(']')
	if empty {
		return fmt.Errorf("the pattern has a class that no character is in; leave it out")
	}
	return nil
}

func (r *rendering) rune(c rune) {
	switch {
	case c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c)):
		r.out.WriteRune(c)
	case c <= 0xffff:
		fmt.Fprintf(&r.out, `\u%04x`, c)
	default:
		fmt.Fprintf(&r.out, `\U%08x`, c)
	}
}
