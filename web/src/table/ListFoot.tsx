import { Button } from "@mantine/core";
import { count } from "../format/numbers";

interface Props {
  shown: number;
  total: number;
  noun: string;
  more?: (() => void) | undefined;
  busy: boolean;
  children?: React.ReactNode;
}

/** ListFoot says how much of a list is here. The next page comes by scrolling; the button is for the keyboard. */
export function ListFoot({ shown, total, noun, more, busy, children }: Props) {
  return (
    <div className="grid-foot" aria-live="polite">
      <span className="num">{shown < total ? `${count(shown)} of ${count(total)} ${noun} loaded` : `${count(total)} ${noun}`}</span>
      {more && (
        <Button variant="subtle" onClick={more} loading={busy}>
          Load more
        </Button>
      )}
      {children}
    </div>
  );
}
