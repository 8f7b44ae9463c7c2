import { Button } from "@mantine/core";
import { count, counted } from "../format/numbers";

interface Props {
  shown: number;
  total: number;
  /** One of them, and several where that is more than an s. */
  one: string;
  many?: string;
  more?: (() => void) | undefined;
  busy: boolean;
  children?: React.ReactNode;
}

/** ListFoot says how much of a list is here. The next page comes by scrolling; the button is for the keyboard. */
export function ListFoot({ shown, total, one, many, more, busy, children }: Props) {
  const all = counted(total, one, many);
  return (
    <div className="grid-foot" aria-live="polite">
      <span className="num">{shown < total ? `${count(shown)} of ${all} loaded` : all}</span>
      {more && (
        <Button variant="subtle" onClick={more} loading={busy}>
          Load more
        </Button>
      )}
      {children}
    </div>
  );
}
