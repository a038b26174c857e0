// Command leakcheck searches what tests wrote down for the secrets that they used, and fails if it
// finds one.
//
//	leakcheck -secrets KIND,... -output FORM,... DIR
//
// DIR is the CLOUDPAY_TEST_OUTPUT of the tests; internal/telemetry/telemetrytest documents its
// files. A secret is found by any 16 consecutive characters, in either case, as it is or in a form
// in which it can get into a log: escaped for JSON, XML, Go or a URL, in hexadecimal, as a list of
// numbers, in base64 at any offset. Of a private key only the secret part is searched for, because
// the public part may be anywhere, and its numbers in decimal as well.
//
// A check without anything to search for, or to search in, guards nothing: a kind of secret that no
// test used is a failure, and so is a form of output that no test wrote.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	kinds := flag.String("secrets", "", "kinds of secrets that must have been used, with commas between")
	forms := flag.String("output", "", "forms of output that must have been written, with commas between")
	flag.Parse()
	err := errors.New("give one folder")
	if flag.NArg() == 1 {
		err = check(flag.Arg(0), list(*kinds), list(*forms), os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "leakcheck:", err)
		os.Exit(1)
	}
}

// list splits a flag with commas; an empty one has no words.
func list(words string) []string {
	return strings.FieldsFunc(words, func(r rune) bool { return r == ',' })
}

// check prints each leak to out. The error says that there are leaks, or that nothing was checked.
func check(dir string, kinds, forms []string, out io.Writer) error {
	secrets, err := readSecrets(dir)
	if err != nil {
		return err
	}
	outputs, err := findOutputs(dir)
	if err != nil {
		return err
	}
	faults := []error{missing("no test used a secret of the kind", kinds, secrets.kinds)}
	written := map[string]bool{}
	var bytes, leaks int64
	for _, o := range outputs {
		found, err := secrets.search(o, out)
		if err != nil {
			return err
		}
		written[o.form] = written[o.form] || found.bytes > 0
		bytes, leaks = bytes+found.bytes, leaks+found.leaks
	}
	faults = append(faults, missing("no test wrote anything in the form", forms, written))
	if secrets.count == 0 || bytes == 0 {
		faults = append(faults, fmt.Errorf("there are %d secrets and %d bytes of output, so nothing was checked", secrets.count, bytes))
	}
	if leaks > 0 {
		faults = append(faults, fmt.Errorf("%d secrets came out", leaks))
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "none of %d secrets is in %d KiB of logs, errors, replies and terminals of %d files\n",
		secrets.count, bytes>>10, len(outputs))
	return err
}

// missing is an error for each wanted word that is not in had.
func missing(what string, wanted []string, had map[string]bool) error {
	var faults []error
	for _, word := range wanted {
		if !had[word] {
			faults = append(faults, fmt.Errorf("%s %s", what, word))
		}
	}
	return errors.Join(faults...)
}
