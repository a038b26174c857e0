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

	"cloudpay/internal/emulator/platform"
	"cloudpay/pkg/wire"
)

// maxEvent and maxReply are SCF's bounds for a synchronous call.
const (
	maxEvent = 6 << 20
	maxReply = 6 << 20
)

// invoking is one run of invoke: what its flags say.
type invoking struct {
	dir, data, openID, appID string
	timer, service           bool
}

func newInvoke() *cobra.Command {
	i := &invoking{}
	cmd := &cobra.Command{
		Use:   "invoke FUNCTION",
		Short: "Call a function of a running emulator and print its answer",
		Long: `invoke calls a function that "cloudpay emulate" runs, and prints what it answers.
With --openid the call is a mini-program user's, as wx.cloud.callFunction makes
it; with --timer it is the platform's, for a timer that fires now; else it is a
direct invoke through the cloud's API. With --service the emulator's service
token comes with the call, which is how a server of the merchant's says that it
may do everything. On the custom runtime, which does not say that a timer fired,
--timer sends the emulator's timer token as the timer's message. Web functions
have no timers.

The exit code is 0 when the function answered, whatever became of the order: that
is in the answer's outcome.

调用本机模拟器中的云函数；--openid 表示以小程序用户身份调用，--timer 表示立即触发定时器，
--service 表示以服务端身份调用。`,
		Example: `  cloudpay invoke queryorder --data '{"out_trade_no":"A1"}'
  cloudpay invoke queryorder --data '{"out_trade_no":"A1","api":"v2"}' --service
  cloudpay invoke closeorder --data @event.json --openid oABC
  cloudpay invoke closeorder --timer
  echo '{"out_trade_no":"A1"}' | cloudpay invoke closeorder --data -`,
		Args:              oneFunction,
		ValidArgsFunction: cobra.FixedCompletions(functionNames(), cobra.ShellCompDirectiveNoFileComp),
		RunE:              i.run,
	}
	flags := cmd.Flags()
	flags.StringVar(&i.dir, "dir", ".cloudpay", "folder of the running emulator")
	flags.StringVar(&i.data, "data", "{}", "the event as JSON, @FILE, or - for standard input")
	flags.BoolVar(&i.timer, "timer", false, "fire the function's timer")
	flags.StringVar(&i.openID, "openid", "", "call as this mini-program user")
	flags.StringVar(&i.appID, "appid", "", "the user's mini-program; the merchant's own when empty")
	flags.BoolVar(&i.service, "service", false, "call with the emulator's service token")
	for _, callers := range []string{"data", "openid", "appid", "service"} {
		cmd.MarkFlagsMutuallyExclusive("timer", callers)
	}
	_ = cmd.MarkFlagDirname("dir")
	_ = cmd.RegisterFlagCompletionFunc("data", cobra.NoFileCompletions)
	return cmd
}

func (i *invoking) run(cmd *cobra.Command, args []string) error {
	d, err := readDescription(i.dir)
	if err != nil {
		return err
	}
	if i.timer {
		return fire(cmd, d, args[0])
	}
	event, err := readEvent(i.data, cmd.InOrStdin())
	if err == nil && i.service {
		event, err = withToken(event, d.Env[nameServiceToken])
	}
	if err != nil {
		return err
	}
	caller, err := callerOf(cmd.Flags(), i.openID, i.appID)
	if err != nil {
		return err
	}
	reply, err := callFunction(cmd.Context(), d.CloudURL, args[0], event, caller)
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), pretty(reply))
	return nil
}

// fire fires the function's timer and prints its report.
func fire(cmd *cobra.Command, d description, function string) error {
	message := ""
	switch d.Runtime {
	case platform.Web:
		return errors.New("--timer: a web function gets requests and has no timers: run the emulator with --runtime " +
			"go1, custom or lambda to try a sweep, and deploy one of these for it")
	case platform.CustomRuntime:
		message = d.Env[nameTimerToken]
	case platform.Go1, platform.Lambda: // where the platform says that a timer fired
	}
	order, err := json.Marshal(map[string]string{"message": message})
	if err != nil {
		return fmt.Errorf("--timer: %w", err)
	}
	reply, err := callAt(cmd.Context(), d.CloudURL+"/v1/timers/", function, order, user{})
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), pretty(reply))
	return nil
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

// withToken adds the service token to an event, which has to be an object for that. Of a token that is
// being rotated, the setting has two values; either does.
func withToken(event []byte, token string) ([]byte, error) {
	token, _, _ = strings.Cut(token, " ")
	var members map[string]json.RawMessage
	if err := json.Unmarshal(event, &members); err != nil || members == nil {
		return nil, errors.New("--service: the token is a parameter of the call, so --data must be a JSON object")
	}
	var err error
	if members["service_token"], err = json.Marshal(token); err == nil {
		event, err = json.Marshal(members)
	}
	if err != nil {
		return nil, fmt.Errorf("--service: adding the token: %w", err)
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
	return callAt(ctx, cloudURL+"/v1/functions/", function, event, u)
}

// callAt is callFunction at one of the cloud's endpoints.
func callAt(ctx context.Context, endpoint, function string, event []byte, u user) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+url.PathEscape(function), bytes.NewReader(event))
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
	reply, err := wire.Exchange(http.DefaultClient, request, maxReply)
	switch {
	case reply == nil:
		return nil, fmt.Errorf("calling %s: is the emulator still running? %w", function, err)
	case err != nil:
		return nil, fmt.Errorf("reading the answer of %s: %w", function, err)
	case reply.Status != http.StatusOK:
		status := strings.TrimSpace(fmt.Sprintf("%d %s", reply.Status, http.StatusText(reply.Status)))
		return nil, &noAnswerError{function, status, strings.TrimSpace(string(reply.Body))}
	}
	return reply.Body, nil
}

// pretty indents JSON, and leaves anything else as it is.
func pretty(text []byte) string {
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return string(text)
	}
	return out.String()
}
