// Package explaining is the command explain without its place in the command tree: it finds the
// text and the keys, has package explain judge them, and prints the answers for people or for
// programs.
//
//	✗ request  APIv3  POST /v3/pay/…/close  (lines 1 to 8, raw HTTP)     what was read, and where
//	    the body was re-serialised between signing and sending: …        the cause
//	    → Make the body's text once, sign it, and send those very bytes  how to mend it
//	    to be signed:                                                    with visible line ends
//	      5  {"mchid":"1900000001"}↵
//	                  ^
//	    was signed:
//	      5  {"mchid":␣"1900000001"}↵
//	                  ^
//
// Keys come from the environment, from files and from an emulator, and never from the command line,
// where other processes and the shell's history would have them. They are neither printed nor
// quoted in errors.
package explaining

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/paint"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/explain"
)

// Command is one run of explain.
type Command struct {
	*render.Language

	// Text is explained in place of a file; empty: none is given.
	Text string
	// EnvFile is a file of NAME=value lines to take the keys from; empty: the environment.
	EnvFile string
	// Emulator is the folder of an emulator whose keys are taken; empty: none.
	Emulator string
	// Certificates are files, of the merchant's certificate or of platform certificates.
	Certificates []string
	// JSON prints an object a line.
	JSON bool
	// All shows every cause that may be. JSON always has all.
	All bool

	// Environ is this process's environment, in the form of [os.Environ].
	Environ []string
	// In is what is read when no file and no text is given.
	In io.Reader
	// Out takes the answers, Hints what is said to a person besides.
	Out, Hints io.Writer
}

// Flags adds the flags of the command, but for --emulator, which several commands share.
func (c *Command) Flags(flags *pflag.FlagSet) {
	flags.StringVar(&c.Text, "text", "", c.Say("explain this text, such as an error that was logged", "解释这段文本，如日志中的错误"))
	flags.StringVar(&c.EnvFile, "env-file", "", c.Say("take the keys from this file of NAME=value lines, not from the environment",
		"从该文件（每行 名称=值）而不是环境变量读取密钥"))
	flags.StringArrayVar(&c.Certificates, "certificate", nil, c.Say(
		"a file with the merchant's certificate or a platform certificate; several times for several", "商户证书或平台证书文件；可多次给出"))
	flags.BoolVar(&c.All, "all", false, c.Say("show every cause that may be, not only the eight likeliest", "列出所有可能的原因，而不只是最可能的八项"))
	flags.BoolVar(&c.JSON, "json", false, c.Say("print the answers as JSON, one a line", "逐行输出 JSON 结果"))
}

// Run explains a file, the text of --text, an error code, or standard input when arguments are
// empty or "-". fine reports that every signature in it holds and nothing else is wrong. An error
// is one of the command line or of a file, and nothing has been printed then.
func (c *Command) Run(ctx context.Context, arguments []string) (fine bool, err error) {
	if c.EnvFile != "" && c.Emulator != "" {
		return false, bilingual.Errorf("--env-file: the keys come from the emulator that --emulator names: give one of the two",
			"--env-file：密钥已由 --emulator 指定的模拟器提供：二者只给其一")
	}
	input, err := c.input(arguments)
	if err != nil {
		return false, err
	}
	ring, err := c.keys(ctx)
	if err != nil {
		return false, err
	}
	reading := explain.Read(input)
	if len(reading.Parts) == 0 {
		return false, bilingual.Errorf("there is nothing to explain", "没有可解释的内容")
	}
	answers := explain.Explain(reading, ring.Keys)
	if c.JSON {
		c.printJSON(ring, reading, answers)
	} else {
		view{Language: c.Language, brush: paint.For(c.Out), out: c.Out, all: c.All}.show(ring, reading, answers)
	}
	for _, answer := range answers {
		if answer.Verdict != explain.Fine {
			return false, nil
		}
	}
	return true, nil
}

// input is the text to explain, of at most explain.MaxInput bytes. An argument names a file, and
// only where there is none by that name an error code: a typo in a file's name must not be
// explained as a text.
func (c *Command) input(arguments []string) ([]byte, error) {
	switch {
	case len(arguments) > 1:
		return nil, bilingual.Errorf("name one file, or give the text in quotation marks with --text", "请只指定一个文件，或以 --text 给出带引号的文本")
	case c.Text != "" && len(arguments) == 1:
		return nil, bilingual.Errorf("--text: a file is named too: give one of the two", "--text：同时指定了文件：二者只给其一")
	case c.Text != "":
		return bounded([]byte(c.Text))
	case len(arguments) == 0 || arguments[0] == "-":
		if file, is := c.In.(*os.File); is && render.IsTerminal(file) {
			_, _ = io.WriteString(c.Hints, c.Say("paste the text, and end it with Ctrl-D on a line of its own\n", "请粘贴文本，最后在新行按 Ctrl-D 结束\n"))
		}
		return read(c.In)
	}
	file, err := os.Open(arguments[0])
	switch {
	case errors.Is(err, fs.ErrNotExist) && explain.IsCode(arguments[0]):
		return []byte(arguments[0]), nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, bilingual.Errorf("%q is neither a file nor an error code that is known: --text %q explains it as a text",
			"%q 既不是文件，也不是已知的错误码：用 --text %q 按文本解释", arguments[0], arguments[0])
	case err != nil:
		return nil, bilingual.Errorf("opening the text: %w", "打开文本：%w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	return read(file)
}

// read reads a text to its end.
func read(from io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, explain.MaxInput+1))
	if err != nil {
		return nil, bilingual.Errorf("reading the text: %w", "读取文本：%w", err)
	}
	return bounded(text)
}

// bounded refuses a text that is too long. It is refused whole: a text that was cut would be
// explained as another one than it is.
func bounded(text []byte) ([]byte, error) {
	if len(text) > explain.MaxInput {
		return nil, bilingual.Errorf("the text is longer than %d KiB: give the exchange that went wrong alone", "文本超过 %d KiB：请只给出出错的那次交互",
			explain.MaxInput>>10)
	}
	return text, nil
}
