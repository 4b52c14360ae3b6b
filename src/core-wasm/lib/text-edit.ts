/** Edits of a text by an author on this side: what is inserted, and which clusters are cut off or deleted. */

/** A visible block, or piece of one: the clusters `first` to `last` of its author. */
export interface VisibleBlock {
  readonly author: string;
  readonly first: number;
  readonly last: number;
  /** Of its text, in UTF-16. */
  readonly units: number;
}

export interface VisibleText {
  readonly text: string;
  /** Of which the text consists, in the order in which it is shown. */
  readonly blocks: readonly VisibleBlock[];
}

/** A cluster. */
export interface ClusterId {
  readonly author: string;
  readonly clock: number;
}

export interface InsertedText {
  /** Not empty, without lone surrogates. */
  readonly text: string;
  /** Of its last cluster; above all clocks of the text before, and of the inserts before. */
  readonly clock: number;
  /** Next to which it was inserted; undefined at the ends. */
  readonly left: ClusterId | undefined;
  readonly right: ClusterId | undefined;
}

/** Clusters `first` to `last` of an author are a piece of their own from now on, and deleted or as before. */
export interface MarkedClusters {
  readonly author: string;
  readonly first: number;
  readonly last: number;
  readonly deleted: boolean;
}

export interface TextEdit {
  /** Who inserts: nobody else may ever do so by this name. */
  readonly author: string;
  /** In ascending order of their clocks. */
  readonly inserts: readonly InsertedText[];
  /** Of the text as it was before; they don't overlap. */
  readonly marks: readonly MarkedClusters[];
}
