package paygate

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"
)

// fingerprint is the parameters of the request that placed an order, as far as a second request for
// the same number has to be compared with them. Which parameter differs can be told, its value
// cannot. The zero value is that of an order that was added. For a typical order it is 100 bytes;
// the parameters themselves would be 500.
type fingerprint struct {
	// the sums of the values, in the order of their names: eight bytes each
	sums string
	// the number of the set of names in the book's shapeList, from 1
	shape int32
}

// sumBytes is the length of a value's sum. Two values have the same sum with a probability of
// 2^-64.
const sumBytes = 8

// sumOfValue is a value's sum: FNV-1a of 64 bits, which every later program has to compute alike.
func sumOfValue(value string) uint64 {
	sum := fnv.New64a()
	_, _ = io.WriteString(sum, value) // cannot fail
	return sum.Sum64()
}

// placed reports whether a request placed the order.
func (f fingerprint) placed() bool { return f.shape > 0 }

// shapeList is the sets of names that the parameters of placings had. Programs send few different
// ones, so that a fingerprint has the number of its set.
type shapeList struct {
	// sorted names; the set number 1 is the first
	all [][]string
	// by the names, with line feeds between them
	numbers map[string]int32
}

// shapesBucket is where the sets of names are kept, by their places.
const shapesBucket = "parameters"

// number returns the number of a set of sorted names, and whether it is new.
func (l *shapeList) number(names []string) (number int32, isNew bool) {
	key := strings.Join(names, "\n")
	if known := l.numbers[key]; known > 0 {
		return known, false
	}
	if l.numbers == nil {
		l.numbers = make(map[string]int32)
	}
	l.all = append(l.all, names)
	number = int32(len(l.all)) //nolint:gosec // each is a request's
	l.numbers[key] = number
	return number, true
}

// fingerprint takes the fingerprint of a request's parameters. The book is locked.
func (b *orderBook) fingerprint(params map[string]string) fingerprint {
	names := sortedKeys(params)
	sums := make([]byte, 0, sumBytes*len(names))
	for _, name := range names {
		sums = binary.BigEndian.AppendUint64(sums, sumOfValue(params[name]))
	}
	number, isNew := b.shapes.number(names)
	if isNew {
		b.changed(change{shapesBucket, numberKey(int(number) - 1), names})
	}
	return fingerprint{sums: string(sums), shape: number}
}

// differing names the parameters that a second request does not repeat, sorted. The book is locked.
func (b *orderBook) differing(first fingerprint, second map[string]string) []string {
	var differing []string
	names := b.shapes.all[first.shape-1]
	for i, name := range names {
		sum := binary.BigEndian.Uint64([]byte(first.sums[i*sumBytes:]))
		if again, there := second[name]; !there || sumOfValue(again) != sum {
			differing = append(differing, name)
		}
	}
	for name := range second {
		if _, there := slices.BinarySearch(names, name); !there {
			differing = append(differing, name)
		}
	}
	slices.Sort(differing)
	return differing
}

// keptParams is a fingerprint as the file has it.
type keptParams struct {
	// the parameters themselves, as JSON: what files of format 1 have
	Params string `json:"params,omitempty"`
	Shape  int32  `json:"shape,omitempty"`
	Sums   []byte `json:"sums,omitempty"`
}

// kept is the fingerprint as the file has it.
func (f fingerprint) kept() keptParams { return keptParams{Shape: f.shape, Sums: []byte(f.sums)} }

// loadParams reads what kept wrote, or what a file of format 1 has. The book has the shapes.
func (b *orderBook) loadParams(k keptParams) (fingerprint, error) {
	if k.Params != "" {
		var params map[string]string
		if err := json.Unmarshal([]byte(k.Params), &params); err != nil {
			return fingerprint{}, fmt.Errorf("reading the parameters: %w", err)
		}
		return b.fingerprint(params), nil
	}
	names := 0
	if k.Shape > 0 && int(k.Shape) <= len(b.shapes.all) {
		names = len(b.shapes.all[k.Shape-1])
	}
	if (k.Shape != 0) != (names > 0) || len(k.Sums) != sumBytes*names {
		return fingerprint{}, fmt.Errorf("%d bytes of sums do not belong to the names number %d", len(k.Sums), k.Shape)
	}
	return fingerprint{sums: string(k.Sums), shape: k.Shape}, nil
}

// loadShape takes a set of names from the file or an export.
func (b *orderBook) loadShape(key string, value []byte) error {
	var names []string
	if err := unmarshal(value, &names); err != nil {
		return err
	}
	place := len(b.shapes.all)
	hasLineFeed := slices.ContainsFunc(names, func(name string) bool { return strings.Contains(name, "\n") })
	switch {
	case key != numberKey(place):
		return fmt.Errorf("set %d is missing before it", place)
	case len(names) == 0 || hasLineFeed || !slices.IsSorted(names):
		return errors.New("it must be sorted names, without line feeds")
	}
	if _, isNew := b.shapes.number(names); !isNew {
		return errors.New("the set is there twice")
	}
	return nil
}

// dumpShapes passes the sets of names to put.
func (b *orderBook) dumpShapes(put func(change)) {
	for i, names := range b.shapes.all {
		put(change{shapesBucket, numberKey(i), names})
	}
}
