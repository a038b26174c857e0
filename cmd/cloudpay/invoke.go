package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// maxEvent and maxReply are SCF's bounds for a synchronous call.
const (
	maxEvent = 6 << 20
	maxReply = 6 << 20
)

func newInvoke() *cobra.Command {
	var dir, data, openID, appID string
	cmd := &cobra.Command{
		Use:   "invoke FUNCTION",
		Short: "Call a function of a running emulator and print its answer",
		Long: `invoke calls a function that "cloudpay emulate" runs, and prints what it answers.
With --openid the call is a mini-program user's, as wx.cloud.callFunction makes
it; without, it is a direct invoke through the cloud's API.

The exit code is 0 when the function answered, whatever became of the order: that
is in the answer's outcome.

调用本机模拟器中的云函数；--openid 表示以小程序用户身份调用。`,
		Example: `  cloudpay invoke queryorder --data '{"out_trade_no":"A1"}'
  cloudpay invoke closeorder --data @event.json --openid oABC
  echo '{"out_trade_no":"A1"}' | cloudpay invoke closeorder --data -`,
		Args:              oneFunction,
		ValidArgsFunction: cobra.FixedCompletions(functionNames(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := readDescription(dir)
			if err != nil {
				return err
			}
			event, err := readEvent(data, cmd.InOrStdin())
			if err != nil {
				return err
			}
			caller, err := callerOf(cmd.Flags(), openID, appID)
			if err != nil {
				return err
			}
			reply, err := callFunction(cmd.Context(), d.CloudURL, args[0], event, caller)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), pretty(reply))
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dir, "dir", ".cloudpay", "folder of the running emulator")
	flags.StringVar(&data, "data", "{}", "the event as JSON, @FILE, or - for standard input")
	flags.StringVar(&openID, "openid", "", "call as this mini-program user")
	flags.StringVar(&appID, "appid", "", "the user's mini-program; the merchant's own when empty")
	_ = cmd.MarkFlagDirname("dir")
	_ = cmd.RegisterFlagCompletionFunc("data", cobra.NoFileCompletions)
	return cmd
}

// oneFunction wants the name of a function, and no more.
func oneFunction(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one function: %s", strings.Join(functionNames(), " or "))
	}
	return nil
}

// callerOf is who the flags say is calling. A flag that is given and empty, as by
// a variable that is not set, must not make an operator of a user.
func callerOf(flags *pflag.FlagSet, openID, appID string) (user, error) {
	for _, given := range []struct{ flag, value string }{{"openid", openID}, {"appid", appID}} {
		if flags.Changed(given.flag) && !plainID.MatchString(given.value) {
			return user{}, fmt.Errorf("--%s: must be 1 to 128 of letters, digits, _ and -, not %q", given.flag, given.value)
		}
	}
	if appID != "" && openID == "" {
		return user{}, errors.New("--appid: says whose user --openid is; give that too")
	}
	return user{openID, appID}, nil
}

// plainID is what openids and appids are made of.
var plainID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)

// readEvent takes an event as given, from a file, or from standard input.
func readEvent(data string, stdin io.Reader) ([]byte, error) {
	from := stdin
	switch file, isFile := strings.CutPrefix(data, "@"); {
	case isFile:
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("--data: %w", err)
		}
		defer func() { _ = f.Close() }() // it was only read
		from = f
	case data != "-":
		return []byte(data), nil
	}
	event, err := io.ReadAll(io.LimitReader(from, maxEvent+1))
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	if len(event) > maxEvent {
		return nil, errors.New("--data: an event may have 6 MB at most")
	}
	return event, nil
}

// user is who calls: a mini-program's user, or nobody in particular.
type user struct{ openID, appID string }

// noAnswerError is what the platform says instead of a function's answer.
type noAnswerError struct{ function, status, body string }

func (e *noAnswerError) Error() string {
	return fmt.Sprintf("the platform could not get an answer from %s (%s): %s", e.function, e.status, e.body)
}

// callFunction calls a function through the emulated cloud and returns its answer.
func callFunction(ctx context.Context, cloudURL, function string, event []byte, u user) ([]byte, error) {
	address := cloudURL + "/v1/functions/" + url.PathEscape(function)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(event))
	if err != nil {
		return nil, fmt.Errorf("calling %s: %w", function, err)
	}
	request.Header.Set("Content-Type", "application/json")
	if u.openID != "" {
		request.Header.Set("X-Wx-Openid", u.openID)
	}
	if u.appID != "" {
		request.Header.Set("X-Wx-Appid", u.appID)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("calling %s: is the emulator still running? %w", function, err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	reply, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", function, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, &noAnswerError{function, response.Status, strings.TrimSpace(string(reply))}
	}
	return reply, nil
}

// pretty indents JSON, and leaves anything else as it is.
func pretty(text []byte) string {
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return string(text)
	}
	return out.String()
}
