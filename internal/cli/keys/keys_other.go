//go:build !linux && !darwin

package keys

import (
	"errors"
	"os"
)

// inForeground is not known here.
func inForeground(*os.File) bool { return false }

// unbuffered is not done here.
func unbuffered(*os.File) (restore func(), err error) { return nil, errors.ErrUnsupported }
