package inspection

import (
	"net/http"

	"cloudpay/internal/cli/explaining"
	"cloudpay/internal/cli/render"
)

const (
	// maxText bounds a text to explain, in bytes: one exchange, and not a log of many. The command
	// takes more.
	maxText = 64 << 10
	// maxExplained is how many texts are explained at once. Each is read and compared with the
	// strings of some hundred mistakes, which takes a processor and no time of waiting.
	maxExplained = 2
)

// Explain returns POST /explain: the body is a text, and the answer what `cloudpay explain --json`
// says of it, in one object. The keys are the emulated merchant's, which the emulator in dir
// describes; with ?keys=none there are none. No key of a real merchant is ever taken: the command
// is for that, which reads it from the environment.
func Explain(dir string) http.Handler {
	explain := func(r *http.Request, in *render.Language) (any, error) {
		text, err := readBody(r, maxText)
		if err != nil {
			return nil, err
		}
		command := explaining.Command{Language: in}
		switch keys := r.URL.Query().Get("keys"); keys {
		case "", "emulator":
			command.Emulator = dir
		case "none":
		default:
			return nil, refuse(http.StatusBadRequest, "keys: must be emulator or none, not %q", "keys：须为 emulator 或 none，而不是 %q", keys)
		}
		return command.Object(r.Context(), text)
	}
	return &endpoint{
		calls: map[string]call{http.MethodPost: explain}, parameters: []string{"keys"}, turns: make(chan struct{}, maxExplained),
	}
}
