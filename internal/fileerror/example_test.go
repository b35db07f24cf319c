package fileerror_test

import (
	"fmt"
	"os"

	"github.com/blotterdb/blotter/internal/fileerror"
)

func ExampleText() {
	_, err := os.Open("no such folder/bars.csv")
	fmt.Println(fileerror.Text(err))
	// Output: there is no such file or folder; check the path
}
