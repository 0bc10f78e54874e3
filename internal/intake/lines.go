package intake

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// line is a physical line of a file, without its end.
type line struct {
	n    int // from 1
	text string
	long bool // longer than MaxRow; text is its beginning
}

// lines reads a file line by line, with lines given back read again first.
type lines struct {
	r    *bufio.Reader
	n    int
	back []line
}

// open looks into the first bytes of a file: gzip is unpacked, a UTF-8 byte
// order mark is dropped, and what is plainly no text is refused with advice.
func open(r io.Reader) (*lines, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	if magic, _ := b.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("unpack gzip: %w", err)
		}
		b = bufio.NewReaderSize(z, 64<<10)
	}
	head, err := b.Peek(4)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read: %w", err)
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		if _, err := b.Discard(3); err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, errors.New("the file is UTF-16; save it as UTF-8")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return nil, errors.New("the file is a spreadsheet or a zip archive; export it as CSV (UTF-8)")
	}
	return &lines{r: b}, nil
}

// next is the next line, or io.EOF.
func (l *lines) next() (line, error) {
	if k := len(l.back); k > 0 {
		first := l.back[0]
		l.back = l.back[1:]
		return first, nil
	}
	var whole []byte
	for long := false; ; {
		part, err := l.r.ReadSlice('\n')
		if long = long || len(whole)+len(part) > MaxRow; long {
			whole = whole[:min(len(whole), 200)]
		} else if err != nil || whole != nil {
			whole = append(whole, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && len(whole) == 0 && !long:
			return line{}, io.EOF
		case err != nil && err != io.EOF:
			return line{}, fmt.Errorf("read line %d: %w", l.n+1, err)
		}
		l.n++
		if whole != nil {
			part = whole
		}
		part = bytes.TrimSuffix(part, []byte("\n"))
		part = bytes.TrimSuffix(part, []byte("\r"))
		return line{l.n, string(part), long}, nil
	}
}

// unread gives lines back, to be read again before all others.
func (l *lines) unread(back []line) { l.back = append(back, l.back...) }
